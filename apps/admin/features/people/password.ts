/** Passwords made for somebody else: read from a screen or a sheet of paper, and typed once. */

// Without the letters that look alike in print: 0 O o, 1 l I i.
const alphabet = 'abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const groups = 4
const groupLength = 5

/**
 * Four groups of five characters: log2(55) × 20 = 115 bits.
 * @param randomBytes fills the array with random bytes; the browser's generator unless a test says otherwise.
 */
export function generatePassword(
  randomBytes: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array = (bytes) => crypto.getRandomValues(bytes),
): string {
  // Bytes from the highest full multiple of the alphabet on are thrown away, so that every character is as likely.
  const usable = 256 - (256 % alphabet.length)
  const characters: string[] = []
  while (characters.length < groups * groupLength) {
    for (const byte of randomBytes(new Uint8Array(64))) {
      if (byte < usable && characters.length < groups * groupLength)
        characters.push(alphabet[byte % alphabet.length] ?? '')
    }
  }
  return Array.from({ length: groups }, (_, i) =>
    characters.slice(i * groupLength, (i + 1) * groupLength).join(''),
  ).join('-')
}
