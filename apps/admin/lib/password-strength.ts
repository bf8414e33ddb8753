/**
 * A rough measure of how hard a password is to guess, for the meter beside the field. It only advises: what is refused
 * is decided by the node. Length counts most, as NIST SP 800-63B, section 5.1.1.2 recommends.
 */
export interface Strength {
  /** 0 (nothing typed) to 4. */
  score: 0 | 1 | 2 | 3 | 4
  word: 'empty' | 'too short' | 'weak' | 'fair' | 'strong' | 'very strong'
  /** What would make it better; null when it is good. */
  advice: string | null
}

/** Guessing entropy in bits from which each word is earned. */
const fairBits = 45
const strongBits = 60
const veryStrongBits = 80

const runs = ['abcdefghijklmnopqrstuvwxyz', '01234567890', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm']
const runLength = 4

/** Letters, digits and signs that an attacker has to try for each character. */
function alphabetOf(text: string): number {
  let size = 0
  if (/\p{Ll}/u.test(text)) size += 26
  if (/\p{Lu}/u.test(text)) size += 26
  if (/\p{N}/u.test(text)) size += 10
  if (/[^\p{L}\p{N}]/u.test(text)) size += 24
  return Math.max(size, 10)
}

function hasRun(lower: string): boolean {
  return runs.some((run) => {
    for (let start = 0; start + runLength <= run.length; start += 1) {
      const part = run.slice(start, start + runLength)
      if (lower.includes(part) || lower.includes([...part].reverse().join(''))) return true
    }
    return false
  })
}

/** Guessing entropy in bits: repeated characters and words of the context count for little. */
function bitsOf(password: string, context: readonly string[]): number {
  let rest = password.toLowerCase()
  for (const word of context) if (word.length >= 3) rest = rest.replaceAll(word.toLowerCase(), '')
  const characters = [...rest]
  const distinct = new Set(characters).size
  const effective = Math.min(characters.length, distinct * 2)
  return effective * Math.log2(alphabetOf(password)) * (hasRun(rest) ? 0.6 : 1)
}

/** @param context names that the password should not be made of: login name, facility */
export function passwordStrength(
  password: string,
  options: { minLength: number; context: readonly string[] },
): Strength {
  const length = [...password].length
  if (length === 0) return { score: 0, word: 'empty', advice: null }
  if (length < options.minLength) {
    const missing = options.minLength - length
    return {
      score: 1,
      word: 'too short',
      advice: `${missing} more ${missing === 1 ? 'character' : 'characters'} needed.`,
    }
  }
  const bits = bitsOf(password, options.context)
  if (bits < fairBits)
    return { score: 1, word: 'weak', advice: 'Easy to guess. Four random words make a good password.' }
  if (bits < strongBits) return { score: 2, word: 'fair', advice: 'A few more characters would help.' }
  return bits < veryStrongBits
    ? { score: 3, word: 'strong', advice: null }
    : { score: 4, word: 'very strong', advice: null }
}
