import { randomBytes } from 'node:crypto'

/**
 * A UUID of version 7 (RFC 9562, section 5.7) whose 12-bit field is a counter: ids of one sender ascend, as those of
 * a well-made client do, and an index over them grows at its end.
 */
export class MessageIds {
  readonly #random = randomBytes(8).toString('hex').slice(1)
  #lastMs = 0
  #counter = 0

  next(): string {
    const now = Date.now()
    if (now > this.#lastMs) {
      this.#lastMs = now
      this.#counter = 0
    } else if (++this.#counter > 0xfff) {
      this.#lastMs++
      this.#counter = 0
    }
    const time = this.#lastMs.toString(16).padStart(12, '0')
    const counter = this.#counter.toString(16).padStart(3, '0')
    const random = this.#random
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter}-8${random.slice(0, 3)}-${random.slice(3)}`
  }
}
