import { createHash } from 'node:crypto'
import { groupCode, normaliseCode, randomCode } from './crockford.ts'

/** Codes in one recovery kit. */
export const recoveryCodeCount = 10
/** 16 digits of 5 bits: 80 bits, far beyond guessing, so that a fast hash is enough to store them. */
const codeCharacters = 16

export interface RecoveryCode {
  /** `XXXX-XXXX-XXXX-XXXX`; shown once and never stored. */
  code: string
  /** What the database keeps; see {@link hashRecoveryCode}. */
  hash: string
}

/** A fresh set of one-use codes, each different. */
export function newRecoveryCodes(count = recoveryCodeCount): RecoveryCode[] {
  const codes = new Set<string>()
  while (codes.size < count) codes.add(randomCode(codeCharacters))
  return [...codes].map((code) => ({ code, hash: digest(code) }))
}

/** The code as it was handed out, from what somebody typed; null when it cannot be one. */
export function normaliseRecoveryCode(typed: string): string | null {
  const digits = normaliseCode(typed, codeCharacters)
  return digits === null ? null : groupCode(digits)
}

/** SHA-256 of the code, hex, or null when the text cannot be a recovery code. */
export function hashRecoveryCode(typed: string): string | null {
  const code = normaliseRecoveryCode(typed)
  return code === null ? null : digest(code)
}

/** The prefix keeps these hashes apart from those of other secrets with the same text. */
function digest(code: string): string {
  return createHash('sha256').update(`holdfast recovery code ${code}`).digest('hex')
}
