/**
 * What happens to a datagram that arrives on 7447/udp. Each step is cheaper than the next.
 *
 * 1. Too many from one sender: dropped.
 * 2. Too large, not ours, unknown version, fields out of bounds: dropped.
 * 3. Our own beacon, come back by broadcast: dropped.
 * 4. More signatures to check than this node spends time on: dropped.
 * 5. Signature wrong: dropped. Recorded or badly timed: dropped, or asked back.
 *
 * Every drop is counted by its reason. Nothing here throws or opens a socket.
 */
import { randomBytes } from 'node:crypto'
import {
  type BeaconQuery,
  type DecodeFailure,
  decodeDatagram,
  encodeQuery,
  type VerifiedBeacon,
} from './beacon.ts'
import { SourceLimiter, TokenBucket } from './limiter.ts'
import { ReplayGuard } from './replay.ts'

/** A node sends one beacon per interval and answers few queries; several nodes may share an address. */
const PER_SOURCE = { perSecond: 20, burst: 60 }
/** 300 checks cost about 3 % of one core; 512 peers send about 100 beacons a second. */
const SIGNATURES = { perSecond: 300, burst: 600 }
/** An answer that comes later than this after its query counts as an ordinary beacon. */
const NONCE_LIFE_MS = 5_000
/** More queries than this within a nonce's life are not sent: one for each static peer and interface is fewer. */
const NONCES_MAX = 256
const NONCE_BYTES = 16

export type DropReason =
  | DecodeFailure
  | 'rate'
  | 'own'
  | 'duplicate'
  | 'replayed'
  | 'stale'
  | 'source'
  | 'full'
export type DropCounters = Record<DropReason, number>

export type Received =
  | { kind: 'beacon'; beacon: VerifiedBeacon; answersUs: boolean }
  | { kind: 'query'; query: BeaconQuery }
  /** Correctly signed, but too far from our time to be trusted without asking. */
  | { kind: 'stale'; beacon: VerifiedBeacon }
  /** Signed with our own key by somebody else: a copy of this node is running. */
  | { kind: 'clone'; beacon: VerifiedBeacon }
  | { kind: 'dropped' }

const dropped = { kind: 'dropped' } as const

export class BeaconReceiver {
  readonly dropped: DropCounters = {
    oversized: 0,
    malformed: 0,
    version: 0,
    signature: 0,
    rate: 0,
    own: 0,
    duplicate: 0,
    replayed: 0,
    stale: 0,
    source: 0,
    full: 0,
  }
  received = 0
  readonly #own: { key: string; boot: number } | undefined
  readonly #sources = new SourceLimiter(PER_SOURCE)
  readonly #signatures = new TokenBucket(SIGNATURES)
  readonly #replay = new ReplayGuard()
  /** Our last queries' nonces and when they were sent, oldest first. */
  readonly #nonces = new Map<string, number>()

  /** @param own public key and start time of this node; a client has none */
  constructor(own?: { key: string; boot: number }) {
    this.#own = own
  }

  /** A query whose answers will be known as such. */
  newQuery(nowMs: number): Buffer {
    const nonce = randomBytes(NONCE_BYTES).toString('base64url')
    for (const [old, sentAtMs] of this.#nonces)
      if (nowMs - sentAtMs > NONCE_LIFE_MS || this.#nonces.size >= NONCES_MAX) this.#nonces.delete(old)
    this.#nonces.set(nonce, nowMs)
    return encodeQuery({ nonce })
  }

  receive(datagram: Buffer, source: string, nowMs: number): Received {
    this.received += 1
    if (!this.#sources.take(source, nowMs)) return this.drop('rate')
    const decoded = decodeDatagram(datagram)
    if (decoded.kind === 'refused') return this.drop(decoded.reason)
    if (decoded.kind === 'query') return this.#nonces.has(decoded.query.nonce) ? this.drop('own') : decoded
    const ours = decoded.beacon.key === this.#own?.key
    if (ours && decoded.beacon.boot === this.#own?.boot) return this.drop('own')
    if (!this.#signatures.take(nowMs)) return this.drop('rate')
    const beacon = decoded.check()
    if (!beacon) return this.drop('signature')
    if (ours) return this.#judgeClone(beacon)
    return this.#judge(beacon, nowMs)
  }

  drop(reason: DropReason): Received {
    this.dropped[reason] += 1
    return dropped
  }

  /** A recording of our own beacons from before the last start is older than that start; a copy's are not. */
  #judgeClone(beacon: VerifiedBeacon): Received {
    return beacon.at > (this.#own?.boot ?? 0) ? { kind: 'clone', beacon } : this.drop('replayed')
  }

  #judge(beacon: VerifiedBeacon, nowMs: number): Received {
    const sentAtMs = this.#nonces.get(beacon.nonce ?? '')
    const answersUs = sentAtMs !== undefined && nowMs - sentAtMs <= NONCE_LIFE_MS
    const freshness = this.#replay.judge(beacon, answersUs, nowMs)
    if (freshness === 'fresh') return { kind: 'beacon', beacon, answersUs }
    this.drop(freshness)
    return freshness === 'stale' ? { kind: 'stale', beacon } : dropped
  }
}
