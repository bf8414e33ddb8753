/** Exponential back-off with full jitter: a node that comes back is not hit by all its clients in one instant. */
export interface BackoffOptions {
  /** Upper end of the first delay. */
  baseMs: number
  /** Upper end of every later delay. */
  maxMs: number
  /** A number in [0, 1). */
  random?: () => number
}

export const defaultBackoff = { baseMs: 250, maxMs: 30_000 } as const satisfies BackoffOptions
/** Doublings after which the delay cannot grow: keeps 2^n a small number. */
const maxDoublings = 20

export class Backoff {
  readonly #options: BackoffOptions
  #failures = 0

  constructor(options: BackoffOptions = defaultBackoff) {
    this.#options = options
  }

  /** Failures since the last reset. */
  get failures(): number {
    return this.#failures
  }

  /** The next delay in milliseconds: random in [0, min(max, base × 2^failures)). */
  next(): number {
    const { baseMs, maxMs, random = Math.random } = this.#options
    const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(this.#failures, maxDoublings))
    this.#failures += 1
    return Math.floor(random() * ceiling)
  }

  reset(): void {
    this.#failures = 0
  }
}
