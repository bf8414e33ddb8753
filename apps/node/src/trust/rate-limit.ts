import { isIPv6 } from 'node:net'
import type { Clock } from '../platform/clock.ts'

export interface RateLimit {
  /** What one key may spend at once. */
  burst: number
  /** What one key gets back per second, up to `burst`. */
  perSecond: number
  /**
   * Keys remembered at once. The key that was quiet longest is forgotten first: its bucket is the fullest, so that
   * forgetting it gives away the least.
   */
  maxKeys: number
}

interface Bucket {
  left: number
  /** Monotonic milliseconds of the last refill. */
  at: number
}

/** A token bucket per key, in a bounded map. */
export class RateLimiter {
  readonly #limit: RateLimit
  readonly #clock: Pick<Clock, 'monotonic'>
  /** In the order of last use. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(limit: RateLimit, clock: Pick<Clock, 'monotonic'>) {
    this.#limit = limit
    this.#clock = clock
  }

  /** Keys remembered now. */
  get size(): number {
    return this.#buckets.size
  }

  /** Spends `cost` of the key's bucket when there is so much; false spends nothing. */
  take(key: string, cost = 1): boolean {
    const bucket = this.#touch(key)
    if (bucket.left < cost) return false
    bucket.left -= cost
    return true
  }

  /** Milliseconds until `take` with this cost can succeed; 0: now; Infinity: never, the cost is above the burst. */
  waitMs(key: string, cost = 1): number {
    if (cost > this.#limit.burst) return Number.POSITIVE_INFINITY
    const left = this.#leftNow(this.#buckets.get(key))
    return left >= cost ? 0 : Math.ceil(((cost - left) / this.#limit.perSecond) * 1000)
  }

  /** Makes the key's bucket full again, after a success. */
  forgive(key: string): void {
    this.#buckets.delete(key)
  }

  #leftNow(bucket: Bucket | undefined): number {
    if (bucket === undefined) return this.#limit.burst
    const elapsedSeconds = Math.max(0, this.#clock.monotonic() - bucket.at) / 1000
    return Math.min(this.#limit.burst, bucket.left + elapsedSeconds * this.#limit.perSecond)
  }

  #touch(key: string): Bucket {
    const known = this.#buckets.get(key)
    const bucket = { left: this.#leftNow(known), at: this.#clock.monotonic() }
    if (known !== undefined) this.#buckets.delete(key)
    else if (this.#buckets.size >= this.#limit.maxKeys) this.#forgetOldest()
    this.#buckets.set(key, bucket)
    return bucket
  }

  #forgetOldest(): void {
    const oldest = this.#buckets.keys().next()
    if (oldest.done !== true) this.#buckets.delete(oldest.value)
  }
}

/**
 * The key under which a remote address is limited: an IPv4 address (also when mapped into IPv6) by itself, an IPv6
 * address by its /64, since one host has all of it (RFC 4291, section 2.5.1).
 */
export function addressKey(remote: string): string {
  const address = remote.replace(/%.*$/, '').toLowerCase()
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)
  if (mapped?.[1] !== undefined) return mapped[1]
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap = tail === undefined ? 0 : 8 - before.length - after.length
  const groups = [...before, ...Array<string>(Math.max(0, gap)).fill('0'), ...after]
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16))
  return `${network.join(':')}::/64`
}
