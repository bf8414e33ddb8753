/**
 * What has been entered during the first boot, kept for this tab so that a reload loses nothing. Passwords are never
 * kept. The recovery codes are kept only until they are confirmed as saved: they cannot be shown a second time.
 */
import { addressSchema, joinCodeSchema } from '@holdfast/api/contract/cluster-inputs'
import { displayNameSchema, nameSchema } from '@holdfast/api/contract/names'
import type { ZodType } from 'zod'
import type { RecoveryKit } from '../recovery/kit-text.ts'

/** A facility of its own, or a place in one that there is. */
export type Mode = 'new' | 'join'
export type Step = 'code' | 'facility' | 'owner' | 'kit' | 'join' | 'wait'

export const stepsOf: Record<Mode, readonly Step[]> = {
  new: ['code', 'facility', 'owner', 'kit'],
  join: ['code', 'join', 'wait'],
}

export interface Draft {
  mode: Mode
  step: Step
  code: string
  facility: string
  nodeName: string
  owner: string
  displayName: string
  /** Where the other nodes reach this one; empty: they see it themselves. */
  address: string
}

export const emptyDraft: Draft = {
  mode: 'new',
  step: 'code',
  code: '',
  facility: '',
  nodeName: '',
  owner: '',
  displayName: '',
  address: '',
}

const draftKey = 'holdfast-setup-draft'
const kitKey = 'holdfast-recovery-kit'

function read(key: string): unknown {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? 'null')
  } catch {
    return null
  }
}

function write(key: string, value: unknown): void {
  try {
    if (value === null) sessionStorage.removeItem(key)
    else sessionStorage.setItem(key, JSON.stringify(value))
  } catch {
    // A browser that keeps nothing can still set the node up, only not across a reload.
  }
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : '')

export function loadDraft(): Draft {
  const kept = read(draftKey)
  if (typeof kept !== 'object' || kept === null) return emptyDraft
  const fields = kept as Partial<Record<keyof Draft, unknown>>
  const mode = fields.mode === 'join' ? 'join' : 'new'
  const step = stepsOf[mode].find((each) => each === fields.step)
  return {
    mode,
    // The kit's own record brings its step back; a draft never does.
    step: step === undefined || step === 'kit' ? 'code' : step,
    code: textOf(fields.code),
    facility: textOf(fields.facility),
    nodeName: textOf(fields.nodeName),
    owner: textOf(fields.owner),
    displayName: textOf(fields.displayName),
    address: textOf(fields.address),
  }
}

export const saveDraft = (draft: Draft | null) => write(draftKey, draft)
export const saveKit = (kit: RecoveryKit | null) => write(kitKey, kit)

export function loadKit(): RecoveryKit | null {
  const kept = read(kitKey)
  if (typeof kept !== 'object' || kept === null || !('recoveryCodes' in kept)) return null
  return Array.isArray(kept.recoveryCodes) ? (kept as RecoveryKit) : null
}

/** The setup code as on the console: two groups of four (Crockford's alphabet). */
export function checkCode(code: string): string | null {
  if (code.trim() === '') return 'Enter the code that the node’s console shows.'
  return code.replace(/[\s-]/g, '').length === 8
    ? null
    : 'The code has eight letters and digits, such as ABCD-1234.'
}

function firstIssue(schema: ZodType, value: string, emptyText: string): string | null {
  if (value.trim() === '') return emptyText
  const result = schema.safeParse(value)
  if (result.success) return null
  const message = result.error.issues[0]?.message ?? 'This cannot be used'
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`
}

export const checkFacility = (value: string) =>
  firstIssue(displayNameSchema, value, 'Give the facility a name; everybody sees it.')
export const checkNodeName = (value: string) =>
  firstIssue(nameSchema, value, 'Give this node a name, such as its room or rack.')
export const checkJoinCode = (value: string) =>
  firstIssue(joinCodeSchema, value, 'Paste the code that a member of the cluster made.') === null
    ? null
    : value.trim() === ''
      ? 'Paste the code that a member of the cluster made.'
      : 'That is not a whole join code. Copy it again from where it was made.'
export const checkAddress = (value: string) =>
  value.trim() === '' || addressSchema.safeParse(value.trim()).success
    ? null
    : 'Write a host name or an IP address, without a port.'
export const checkOwner = (value: string) => firstIssue(nameSchema, value, 'Choose the name to sign in with.')
export const checkDisplayName = (value: string) =>
  value.trim() === '' ? null : firstIssue(displayNameSchema, value, '')

/** The step that holds the field of a refusal such as “facility: too long”; null when it names none. */
export function stepOfField(message: string): Step | null {
  const field = message.match(/^(\w+):/)?.[1]
  if (field === 'code') return 'code'
  if (field === 'facility' || field === 'nodeName') return 'facility'
  if (field === 'owner' || field === 'displayName' || field === 'password') return 'owner'
  return null
}
