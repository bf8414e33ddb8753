import { createHash } from 'node:crypto'
import { HoldfastError } from '@holdfast/api/contract/errors'
import type { Clock } from '../platform/clock.ts'

/** 128 bits of a hash stand for an entry, so that a long identifier costs no more memory than a short one. */
const digestBytes = 16

export interface ReplayBounds {
  /** An entry is remembered at least so long, and less than three times as long. */
  keepMs: number
  /** Entries of one generation, of which there are two. */
  maxEntries: number
}

/**
 * Remembers what was seen for a while, in two generations of which the older is dropped whole. When a generation is full
 * it refuses instead of forgetting: forgetting would let a replay through.
 */
export class ReplayGuard {
  readonly #bounds: ReplayBounds
  readonly #clock: Pick<Clock, 'monotonic'>
  #current = new Set<string>()
  #previous = new Set<string>()
  #startedAt: number

  constructor(bounds: ReplayBounds, clock: Pick<Clock, 'monotonic'>) {
    this.#bounds = bounds
    this.#clock = clock
    this.#startedAt = clock.monotonic()
  }

  /**
   * True the first time, false when the identifier was admitted before.
   * @throws HoldfastError `busy` when the generation is full
   */
  admit(identifier: string): boolean {
    this.#turn()
    const digest = createHash('sha256').update(identifier).digest().toString('latin1', 0, digestBytes)
    if (this.#current.has(digest) || this.#previous.has(digest)) return false
    if (this.#current.size >= this.#bounds.maxEntries) {
      throw new HoldfastError(
        'busy',
        'too many devices are signing in at this moment: try again in a few minutes',
      )
    }
    this.#current.add(digest)
    return true
  }

  #turn(): void {
    const age = this.#clock.monotonic() - this.#startedAt
    if (age < this.#bounds.keepMs) return
    this.#previous = age < 2 * this.#bounds.keepMs ? this.#current : new Set()
    this.#current = new Set()
    this.#startedAt = this.#clock.monotonic()
  }
}
