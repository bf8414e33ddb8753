import { randomBytes } from 'node:crypto'

/** Crockford's base 32: no I, L, O or U, so that a code can be read aloud and typed from paper. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const groupLength = 4

/** A random code of `characters` digits of 5 bits each, in groups of four joined by hyphens. */
export function randomCode(characters: number): string {
  // 256 is a multiple of 32, so that the low five bits of a random byte are evenly spread.
  const digits = Array.from(randomBytes(characters), (byte) => alphabet.charAt(byte & 31)).join('')
  return groupCode(digits)
}

/** Puts hyphens between the groups of four. */
export function groupCode(digits: string): string {
  return digits.match(new RegExp(`.{1,${groupLength}}`, 'g'))?.join('-') ?? ''
}

/**
 * What was meant by a typed code: upper case, without blanks and hyphens, O read as 0, I and L as 1. Null when it does
 * not have exactly `characters` digits of the alphabet.
 */
export function normaliseCode(typed: string, characters: number): string | null {
  // Four times the digits leaves room for any grouping; more is no code and is not worth the work.
  if (typed.length > characters * 4) return null
  const digits = typed
    .toUpperCase()
    .replace(/[\s\-‐–—]/g, '')
    .replace(/O/g, '0')
    .replace(/[IL]/g, '1')
  if (digits.length !== characters) return null
  return [...digits].every((digit) => alphabet.includes(digit)) ? digits : null
}
