import { randomBytes, randomFillSync } from 'node:crypto'

/** Random bytes fetched from the system at once; one id takes eight. */
const poolBytes = 4096
const base = 36
/** 36^9 ms reach to the year 5188. */
const timeDigits = 9
const countDigits = 6
const tailDigits = 5
const countSpan = base ** countDigits
const tailSpan = base ** tailDigits

const pool = Buffer.allocUnsafe(poolBytes)
let poolOffset = poolBytes

function randomUint32(): number {
  if (poolOffset + 4 > poolBytes) {
    randomFillSync(pool)
    poolOffset = 0
  }
  const value = pool.readUInt32LE(poolOffset)
  poolOffset += 4
  return value
}

function digits(value: number, width: number): string {
  return value.toString(base).padStart(width, '0')
}

/**
 * Makes ids of 20 base-36 digits: 9 of milliseconds, 11 random. They sort by creation, also within one
 * millisecond (there the upper random part counts up) and when the clock is set back (then the last time is kept).
 * The result is unique but not secret.
 */
export class IdMaker {
  #lastMs = 0
  #count = 0

  /**
   * @param prefix one to three lower-case letters that name the kind of thing, such as `p` for a person
   * @param nowMs milliseconds since 1970
   */
  next(prefix: string, nowMs: number): string {
    if (nowMs > this.#lastMs) {
      this.#lastMs = nowMs
      // Starting in the lower half leaves a billion ids for one millisecond before the count would run over.
      this.#count = randomUint32() % (countSpan / 2)
    } else if (++this.#count === countSpan) {
      this.#lastMs++
      this.#count = 0
    }
    return `${prefix}_${digits(this.#lastMs, timeDigits)}${digits(this.#count, countDigits)}${digits(randomUint32() % tailSpan, tailDigits)}`
  }
}

const ids = new IdMaker()

/** A fresh id such as `p_0mhc3v0f1…` that matches the contract's id schema; see {@link IdMaker}. */
export function newId(prefix: string, nowMs = Date.now()): string {
  return ids.next(prefix, nowMs)
}

/** Secret text from the system's generator, base64url; 32 bytes give 43 characters. */
export function randomToken(bytes = 32): string {
  return randomBytes(bytes).toString('base64url')
}
