/**
 * Client message ids: monotonic ULIDs (github.com/ulid/spec). Ids that grow with time keep the inserts into the
 * node's index of known ids next to each other; an index of random ids touches a page of its own for each message.
 */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const timeLength = 10
const randomLength = 16

export interface IdSource {
  /** Milliseconds since 1970. */
  now(): number
  /** Fills the array with random bytes. */
  random(bytes: Uint8Array<ArrayBuffer>): void
}

const systemSource: IdSource = {
  now: () => Date.now(),
  random: (bytes) => {
    crypto.getRandomValues(bytes)
  },
}

/**
 * A generator of ids of 26 characters, each greater than the one before in code-unit order, also when the clock
 * stands still or is set back.
 */
export function createMessageIds(source: IdSource = systemSource): () => string {
  let lastMs = -1
  const digits = new Uint8Array(randomLength)
  return () => {
    const nowMs = source.now()
    if (nowMs > lastMs) {
      lastMs = nowMs
      source.random(digits)
      for (let i = 0; i < randomLength; i++) digits[i] = digits[i]! & 31
    } else if (!increment(digits)) {
      // 2^80 ids in one millisecond cannot be reached by counting, only by starting close to the end.
      lastMs += 1
    }
    return encodeTime(lastMs) + Array.from(digits, (digit) => alphabet[digit]).join('')
  }
}

/** Adds one in base 32; false when the number wrapped to zero. */
function increment(digits: Uint8Array): boolean {
  for (let i = digits.length - 1; i >= 0; i--) {
    if (digits[i]! < 31) {
      digits[i] = digits[i]! + 1
      return true
    }
    digits[i] = 0
  }
  return false
}

function encodeTime(ms: number): string {
  let rest = ms
  let text = ''
  for (let i = 0; i < timeLength; i++) {
    text = alphabet[rest % 32] + text
    rest = Math.floor(rest / 32)
  }
  return text
}
