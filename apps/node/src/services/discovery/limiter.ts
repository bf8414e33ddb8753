/** Senders whose rates are counted apart; with more than this the longest known one is forgotten. */
const SOURCES_MAX = 1024

/** Lets through `perSecond` on average and `burst` at once. */
export class TokenBucket {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #filledAtMs = Number.NEGATIVE_INFINITY

  constructor(limit: { perSecond: number; burst: number }) {
    this.#perSecond = limit.perSecond
    this.#burst = limit.burst
    this.#tokens = limit.burst
  }

  /** Takes one token; false when there is none. */
  take(nowMs: number): boolean {
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs)
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsedMs / 1000) * this.#perSecond)
    this.#filledAtMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}

/** One token bucket for each sender's address. */
export class SourceLimiter {
  readonly #limit: { perSecond: number; burst: number }
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(limit: { perSecond: number; burst: number }) {
    this.#limit = limit
  }

  take(source: string, nowMs: number): boolean {
    let bucket = this.#buckets.get(source)
    if (!bucket) {
      if (this.#buckets.size >= SOURCES_MAX) this.#buckets.delete(this.#buckets.keys().next().value ?? '')
      bucket = new TokenBucket(this.#limit)
      this.#buckets.set(source, bucket)
    }
    return bucket.take(nowMs)
  }
}
