/** Parsers of arguments and flags; what they refuse is a usage error with the flag's name, by commander. */
import { limits } from '@holdfast/api/contract/limits'
import { InvalidArgumentError } from 'commander'
import type { ZodType } from 'zod'

/** A whole number within bounds. */
export function integer(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (value >= minimum && value <= maximum) return value
    throw new InvalidArgumentError(`Write a whole number from ${minimum} to ${maximum}.`)
  }
}

/** Text of a length within bounds. */
export function characters(minimum: number, maximum: number): (text: string) => string {
  return (text) => {
    if (text.length >= minimum && text.length <= maximum) return text
    throw new InvalidArgumentError(`Write ${minimum} to ${maximum} characters.`)
  }
}

export const sequence = integer(0, 0xffff_ffff)
export const rows = integer(1, limits.listRows)

/** A moment: `2026-03-01`, `2026-03-01T14:00`, or so long ago: `30m`, `12h`, `7d`. In milliseconds since 1970. */
export function moment(text: string): number {
  const units = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const
  const ago = /^(\d{1,6})([mhd])$/.exec(text)
  if (ago) return Date.now() - Number(ago[1]) * units[ago[2] as keyof typeof units]
  const at = Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00` : text)
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(at)) return at
  throw new InvalidArgumentError(
    'Write a date such as 2026-03-01 or 2026-03-01T14:00, or so long ago: 30m, 12h, 7d.',
  )
}

/** One of `choices`. */
export function oneOf<T extends string>(choices: readonly T[]): (text: string) => T {
  return (text) => {
    const choice = choices.find((value) => value === text)
    if (choice !== undefined) return choice
    throw new InvalidArgumentError(`It is one of ${choices.join(', ')}.`)
  }
}

/** Text as the API's own schema wants it. */
export function matching(schema: ZodType<string>): (text: string) => string {
  return (text) => {
    const parsed = schema.safeParse(text)
    if (parsed.success) return parsed.data
    throw new InvalidArgumentError(`It ${asPredicate(parsed.error.issues[0]?.message ?? 'cannot be used')}.`)
  }
}

/** Messages of the contract say either what the text must be, or what to do. */
function asPredicate(message: string): string {
  return /^(must|is|holds|cannot) /.test(message) ? message : `cannot be used: ${message}`
}
