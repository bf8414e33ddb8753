/**
 * Set-up without a person: one JSON object from a credential of the hypervisor, or from a stick whose file is signed.
 * The owner's recovery codes are not kept: the owner makes new ones after signing in.
 */
import { displayNameSchema, nameSchema } from '@holdfast/api/contract/names'
import * as z from 'zod'

/** A password is longer than a name and shorter than a page. */
const maxPasswordChars = 1024
export const maxSetupBytes = 64 * 1024

export const setupFileSchema = z.strictObject({
  facility: displayNameSchema,
  nodeName: nameSchema,
  owner: nameSchema,
  displayName: displayNameSchema.optional(),
  password: z.string().min(1).max(maxPasswordChars),
  /** Address of this machine; without it DHCP gives one. */
  network: z
    .strictObject({
      address: z
        .string()
        .regex(/^[0-9a-fA-F.:]+\/\d{1,3}$/, 'it must be an address with its prefix, such as 10.0.0.5/24'),
      gateway: z
        .string()
        .regex(/^[0-9a-fA-F.:]+$/)
        .optional(),
      ntp: z
        .array(z.string().regex(/^[0-9a-zA-Z.:-]+$/))
        .max(8)
        .default([]),
    })
    .optional(),
})
export type SetupFile = z.infer<typeof setupFileSchema>

/** @throws SetupFileError in one line that names what is wrong and where it came from */
export function parseSetupFile(text: string, origin: string): SetupFile {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new SetupFileError(
      `The set-up in ${origin} is not JSON; it needs facility, nodeName, owner and password.`,
    )
  }
  const parsed = setupFileSchema.safeParse(value)
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
