/**
 * Set-up without a person: one JSON object from a credential of the hypervisor, or from a stick whose file is signed.
 * It makes a facility, or has the node join one with the code of an invitation. The owner's recovery codes are not
 * kept: the owner makes new ones after signing in.
 */
import { addressSchema, joinCodeSchema } from '@holdfast/api/contract/cluster-inputs'
import { displayNameSchema, nameSchema } from '@holdfast/api/contract/names'
import * as z from 'zod'
import { defaultPolicy } from '../services/settings/policy.ts'
import { checkPassword } from '../trust/password-rules.ts'
import { addressFault, gatewayFault, isAddress, maxTimeServers } from './network.ts'

/** A password is longer than a name and shorter than a page. */
const maxPasswordChars = 1024
export const maxSetupBytes = 64 * 1024

/** Address of this machine; without it DHCP gives one. */
const networkSchema = z
  .strictObject({
    address: z.string().superRefine((text, context) => say(context, addressFault(text))),
    gateway: z.string().optional(),
    ntp: z
      .array(z.string().refine(isAddress, 'it must be an address, such as 10.0.0.2'))
      .max(maxTimeServers)
      .default([]),
  })
  .superRefine(({ address, gateway }, context) => {
    if (gateway !== undefined) say(context, gatewayFault(gateway, address), 'gateway')
  })

function say(context: z.RefinementCtx, fault: string | null, ...path: string[]): void {
  if (fault !== null) context.addIssue({ code: 'custom', message: fault.replace(/\.$/, ''), path })
}

const facilitySchema = z
  .strictObject({
    facility: displayNameSchema,
    nodeName: nameSchema,
    owner: nameSchema,
    displayName: displayNameSchema.optional(),
    password: z.string().min(1).max(maxPasswordChars),
    network: networkSchema.optional(),
  })
  .superRefine((value, context) => say(context, passwordFault(value), 'password'))
export type FacilitySetup = z.infer<typeof facilitySchema>

export const joinSchema = z.strictObject({
  /** What `holdfast cluster invite` printed. */
  join: joinCodeSchema,
  nodeName: nameSchema,
  /** Where the other nodes reach this one; its first address on the LAN without it. */
  address: addressSchema.optional(),
  network: networkSchema.optional(),
})
export type JoinSetup = z.infer<typeof joinSchema>

export type SetupFile = FacilitySetup | JoinSetup

/** As the set-up itself would say it, but before anything was changed. */
function passwordFault(value: z.output<typeof facilitySchema>): string | null {
  const { password, owner, displayName = owner, facility, nodeName } = value
  try {
    const names = [owner, displayName, facility, nodeName]
    checkPassword(password, { minLength: defaultPolicy.passwordMinLength, notEqualTo: names })
    return null
  } catch (error) {
    return (error as Error).message
  }
}

/** @throws SetupFileError in one line that names what is wrong and where it came from */
export function parseSetupFile(text: string, origin: string): SetupFile {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new SetupFileError(
      `The set-up in ${origin} is not JSON; it needs facility, nodeName, owner and password, or join and nodeName.`,
    )
  }
  const joins = typeof value === 'object' && value !== null && 'join' in value
  const parsed = (joins ? joinSchema : facilitySchema).safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new SetupFileError(
    `The set-up in ${origin} is wrong at ${issue?.path.join('.') || 'its top'}: ${issue?.message}.`,
  )
}

export class SetupFileError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SetupFileError'
  }
}
