/** Entries of the peer map: far above the nodes of one facility, far below what would hurt a small machine. */
export const PEERS_MAX = 512
/** Entries that one sender's address may fill, so that one machine cannot fill the map. */
export const PEERS_PER_SOURCE_MAX = 16

export type PeerOrigin = 'beacon' | 'mdns' | 'static'

/** What a peer says of itself. Only a beacon's words are signed. */
export type PeerInfo = {
  nodeId?: string
  nodeName?: string
  facility?: string
  siteName?: string
  version?: string
  /** HTTPS port. */
  port: number
  /** Best first: IPv4, then IPv6. */
  addresses: string[]
  /** SHA-256 in lower-case hex. */
  caFingerprint?: string
  certificateFingerprint?: string
  keyFingerprint?: string
}

/** One way in which a peer is known now. */
export type Sighting = {
  /** Unique among all sightings: the key's fingerprint, the DNS-SD instance or the configured host:port. */
  key: string
  origin: PeerOrigin
  info: PeerInfo
  /** Address that it came from; undefined for static peers. */
  source?: string
  /** Milliseconds since 1970 after which it no longer counts; infinite for static peers. */
  expiresAtMs: number
  /** Signed by a key that the cluster knows as this node's. */
  member: boolean
  /** Its clock minus ours, in milliseconds, where that is known. */
  clockOffsetMs?: number
}

/** A node as the network shows it now. */
export type Peer = PeerInfo & {
  key: string
  origins: PeerOrigin[]
  /** It signed a fresh beacon with the key of `keyFingerprint`. */
  verified: boolean
  /** Verified, and the cluster knows this key as this node's. */
  member: boolean
  /** Another verified key claims the same node id; at most one of them is honest. */
  contested: boolean
  /** Milliseconds since 1970; null for a static peer that was never heard. */
  firstSeenAt: number | null
  lastSeenAt: number | null
  ageMs: number | null
  /** Sender of the last sighting; a link-local IPv6 address has its zone, as in `fe80::1%eth0`. */
  seenFrom: string | null
  clockOffsetMs: number | null
}

type Entry = Sighting & { firstSeenAt: number; lastSeenAt: number }

/** In a full map an entry gives way to one of a higher rank, never to one of its own. */
const rank = (sighting: Sighting) =>
  sighting.origin === 'static' ? 3 : sighting.member ? 2 : sighting.origin === 'beacon' ? 1 : 0

export class PeerMap {
  readonly #entries = new Map<string, Entry>()
  readonly #entriesMax: number
  /** Sightings refused because the map, or a sender's part of it, was full. */
  refused = 0

  constructor(entriesMax = PEERS_MAX) {
    this.#entriesMax = entriesMax
  }

  get size(): number {
    return this.#entries.size
  }

  /** Keeps or renews a sighting. False when there is no room for it. */
  put(sighting: Sighting, nowMs: number): boolean {
    const old = this.#entries.get(sighting.key)
    if (!old && !this.#makeRoom(sighting, nowMs)) {
      this.refused += 1
      return false
    }
    this.#entries.set(sighting.key, {
      ...sighting,
      firstSeenAt: old?.firstSeenAt ?? nowMs,
      lastSeenAt: nowMs,
    })
    return true
  }

  get(key: string): Sighting | undefined {
    return this.#entries.get(key)
  }

  remove(key: string): void {
    this.#entries.delete(key)
  }

  removeOrigin(origin: PeerOrigin): void {
    for (const [key, entry] of this.#entries) if (entry.origin === origin) this.#entries.delete(key)
  }

  /** Forgets what was not renewed in time. */
  expire(nowMs: number): void {
    for (const [key, entry] of this.#entries) if (entry.expiresAtMs <= nowMs) this.#entries.delete(key)
  }

  /**
   * All peers, verified first, then by name. What was seen in several ways is one peer; an unsigned sighting adds its
   * origin to a signed one and never changes what that says.
   */
  list(nowMs: number): Peer[] {
    this.expire(nowMs)
    const peers = new Map<string, Peer>()
    for (const origin of ['beacon', 'mdns', 'static'] as const)
      for (const entry of this.#entries.values()) {
        if (entry.origin !== origin) continue
        const same = findSame(peers, entry)
        if (same) same.origins.push(origin)
        else peers.set(entry.key, toPeer(entry, nowMs))
      }
    const list = [...peers.values()]
    markContested(list)
    return list.sort(
      (a, b) => Number(b.verified) - Number(a.verified) || sortText(a).localeCompare(sortText(b)),
    )
  }

  #makeRoom(sighting: Sighting, nowMs: number): boolean {
    this.expire(nowMs)
    if (rank(sighting) < 2 && this.#countFrom(sighting.source) >= PEERS_PER_SOURCE_MAX) return false
    if (this.#entries.size < this.#entriesMax) return true
    let victim: Entry | undefined
    for (const entry of this.#entries.values())
      if (rank(entry) < rank(sighting) && (!victim || rank(entry) < rank(victim))) victim = entry
    if (!victim) return false
    this.#entries.delete(victim.key)
    return true
  }

  #countFrom(source: string | undefined): number {
    let count = 0
    for (const entry of this.#entries.values())
      if (source !== undefined && entry.source === source && rank(entry) < 2) count += 1
    return count
  }
}

function findSame(peers: Map<string, Peer>, entry: Entry): Peer | undefined {
  if (entry.origin === 'beacon') return undefined
  for (const peer of peers.values()) {
    if (peer.origins.includes(entry.origin)) continue
    if (
      entry.origin === 'mdns' &&
      entry.info.keyFingerprint &&
      peer.keyFingerprint === entry.info.keyFingerprint
    )
      return peer
    if (entry.origin === 'static' && peer.port === entry.info.port && sharesAddress(peer, entry)) return peer
  }
  return undefined
}

/** A static peer is the one that lists its address, or that answered from it (behind address translation). */
function sharesAddress(peer: Peer, entry: Entry): boolean {
  return entry.info.addresses.some((address) => peer.addresses.includes(address) || peer.seenFrom === address)
}

function toPeer(entry: Entry, nowMs: number): Peer {
  const heard = entry.origin !== 'static'
  return {
    ...entry.info,
    key: entry.key,
    origins: [entry.origin],
    verified: entry.origin === 'beacon',
    member: entry.member,
    contested: false,
    firstSeenAt: heard ? entry.firstSeenAt : null,
    lastSeenAt: heard ? entry.lastSeenAt : null,
    ageMs: heard ? Math.max(0, nowMs - entry.lastSeenAt) : null,
    seenFrom: entry.source ?? null,
    clockOffsetMs: entry.clockOffsetMs ?? null,
  }
}

function markContested(peers: Peer[]): void {
  const keys = new Map<string, Set<string>>()
  for (const { nodeId, keyFingerprint, verified } of peers)
    if (verified && nodeId && keyFingerprint)
      keys.set(nodeId, (keys.get(nodeId) ?? new Set()).add(keyFingerprint))
  for (const peer of peers)
    peer.contested = peer.nodeId !== undefined && (keys.get(peer.nodeId)?.size ?? 0) > 1
}

const sortText = (peer: Peer) => `${peer.nodeName ?? '\uffff'} ${peer.key}`
