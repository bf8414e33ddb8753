import type { VerifiedBeacon } from './beacon.ts'

/** A beacon older or newer than this by its sender's clock is refused, unless it answers our own nonce. */
export const CLOCK_TOLERANCE_MS = 120_000
/** What was last heard of a key is kept so long: a recorded beacon is stale before it is forgotten. */
const MEMORY_MS = 4 * CLOCK_TOLERANCE_MS
/** Keys that are remembered; twice the peer map, so that expired peers stay protected. */
const KEYS_MAX = 1024

/**
 * - `fresh`: newer than all before.
 * - `duplicate`: the last one again, as it comes when two paths lead here.
 * - `replayed`: older than one already heard.
 * - `stale`: its time is too far from ours. Asking its sender with a nonce tells whether it is alive.
 */
export type Freshness = 'fresh' | 'duplicate' | 'replayed' | 'stale'

type Memory = { boot: number; seq: number; offsetMs: number; heardAtMs: number }

/**
 * Refuses recorded beacons. (boot, seq) must grow for each key. The first beacon of a key has nothing to grow from,
 * so its time must be near ours. Clocks without internet may differ: an answer that repeats our nonce is certainly
 * new, and the difference it shows is then allowed for.
 */
export class ReplayGuard {
  readonly #memory = new Map<string, Memory>()

  /** @param answersUs the beacon repeats a nonce that this process has just sent */
  judge(beacon: VerifiedBeacon, answersUs: boolean, nowMs: number): Freshness {
    const known = this.#recall(beacon.keyFingerprint, nowMs)
    if (known && beacon.boot === known.boot && beacon.seq === known.seq) return 'duplicate'
    const newer = !known || beacon.boot > known.boot || (beacon.boot === known.boot && beacon.seq > known.seq)
    // A nonce outweighs the counter: after a node's clock was set back and it restarted, its `boot` is smaller.
    if (!newer && !answersUs) return 'replayed'
    const offsetMs = beacon.at - nowMs
    if (!answersUs && Math.abs(offsetMs - (known?.offsetMs ?? 0)) > CLOCK_TOLERANCE_MS) return 'stale'
    this.#remember(beacon.keyFingerprint, {
      boot: beacon.boot,
      seq: beacon.seq,
      offsetMs: answersUs ? offsetMs : (known?.offsetMs ?? 0),
      heardAtMs: nowMs,
    })
    return 'fresh'
  }

  #recall(key: string, nowMs: number): Memory | undefined {
    const known = this.#memory.get(key)
    return known && nowMs - known.heardAtMs <= MEMORY_MS ? known : undefined
  }

  /** Newest last, so that the first entry is always the one to forget. */
  #remember(key: string, memory: Memory): void {
    this.#memory.delete(key)
    if (this.#memory.size >= KEYS_MAX) this.#memory.delete(this.#memory.keys().next().value ?? '')
    this.#memory.set(key, memory)
  }
}
