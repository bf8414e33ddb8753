/**
 * Discovery: makes this node known on the facility's networks and knows who else is there. See DESIGN.md.
 *
 * 1. The interfaces are read and judged (`interfaces.ts`), again every 30 s, because cables and VLANs come and go.
 * 2. On each announced one, mDNS (`mdns.ts`) and beacons (`beacon-service.ts`) are opened.
 * 3. A signed beacon goes out every 5 s; mDNS asks every 30 s.
 * 4. What is heard lands in the peer map (`peer-map.ts`) and leaves it when it is not renewed.
 *
 * Discovery is a help, not a need: whatever fails here is noted in `state()` and tried again, and never stops the node.
 */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { announcementOf, beaconFields, type DiscoveryIdentity, infoOf } from './announcement.ts'
import { type CertificateIdentity, certificateIdentity, type Sign, type VerifiedBeacon } from './beacon.ts'
import { BEACON_PORT, BeaconService, type BeaconState } from './beacon-service.ts'
import { decideInterfaces, type InterfaceDecision, readInterfaces } from './interfaces.ts'
import { MDNS_PORT, type MdnsAnnouncement } from './mdns.ts'
import { MdnsService, type MdnsState } from './mdns-service.ts'
import { PEERS_MAX, type Peer, PeerMap, type Sighting } from './peer-map.ts'
import { type DiscoverySettings, parseDiscoverySettings, parseHostPort } from './settings.ts'

export const BEACON_INTERVAL_MS = 5_000
/** Up to this share is added or taken away, so that nodes that start together do not stay in step. */
const JITTER = 0.1
/** A peer is gone after this many beacons, or mDNS questions, without a sign of it. */
export const MISSED_INTERVALS_MAX = 3
export const MDNS_QUERY_INTERVAL_MS = 30_000
export const RESCAN_INTERVAL_MS = 30_000
/** A name that the site's DNS does not answer quickly is tried again at the next scan. */
const LOOKUP_TIMEOUT_MS = 3_000
/** A copy of this node is reported until it was silent so long. */
const CLONE_MEMORY_MS = 10 * 60_000
/** Addresses of one static peer's name that are used. */
const LOOKUP_ADDRESSES_MAX = 4

export type DiscoveryLog = Record<'info' | 'warn' | 'debug', (fields: object, message: string) => void>

export type DiscoveryOptions = {
  identity: DiscoveryIdentity
  /** The node's certificate, PEM or DER, with an ECDSA P-256 key. */
  certificate: string | Buffer
  /** Signs with that certificate's private key: SHA-256, IEEE P1363. */
  sign: Sign
  settings: DiscoverySettings
  log: DiscoveryLog
  /** SHA-256 (hex) of the public key that the cluster knows for a node id; undefined when it knows no such node. */
  memberKey?: (nodeId: string) => string | undefined
  /** For tests: other ports, intervals and clock. */
  ports?: { beacon?: number; mdns?: number }
  intervals?: { beaconMs?: number; mdnsQueryMs?: number; rescanMs?: number }
  readInterfaces?: typeof readInterfaces
  now?: () => number
}

export type DiscoveryState = {
  enabled: boolean
  running: boolean
  settings: DiscoverySettings
  /** The table for Settings and `doctor`: every interface, whether it is announced on, and why. */
  interfaces: InterfaceDecision[]
  scannedAt: number | null
  mdns: MdnsState
  beacon: BeaconState
  peers: { count: number; limit: number; refused: number }
  /** Somebody else signs with this node's key, as a copied disk or virtual machine does; null while nobody does. */
  clone: { address: string; seenAt: number } | null
  identity: { instance: string; host: string; keyFingerprint: string; certificateFingerprint: string }
}

export class Discovery {
  readonly #options: DiscoveryOptions
  readonly #identity: CertificateIdentity
  readonly #announcement: MdnsAnnouncement
  readonly #peers = new PeerMap()
  readonly #beacons: BeaconService
  readonly #mdns: MdnsService
  readonly #now: () => number
  readonly #intervals: { beaconMs: number; mdnsQueryMs: number; rescanMs: number }
  #settings: DiscoverySettings
  #running = false
  #interfaces: InterfaceDecision[] = []
  #scannedAt: number | null = null
  #clone: DiscoveryState['clone'] = null
  #timers: NodeJS.Timeout[] = []
  #beaconTimer: NodeJS.Timeout | undefined
  /** Starts, stops, updates and scans happen one after the other. */
  #work: Promise<void> = Promise.resolve()

  /**
   * Stores; opens nothing.
   * @throws DiscoverySettingsError when a setting is wrong, TypeError when the certificate has another kind of key.
   */
  constructor(options: DiscoveryOptions) {
    this.#options = options
    this.#settings = parseDiscoverySettings(options.settings)
    this.#identity = certificateIdentity(options.certificate)
    this.#now = options.now ?? Date.now
    this.#intervals = {
      beaconMs: options.intervals?.beaconMs ?? BEACON_INTERVAL_MS,
      mdnsQueryMs: options.intervals?.mdnsQueryMs ?? MDNS_QUERY_INTERVAL_MS,
      rescanMs: options.intervals?.rescanMs ?? RESCAN_INTERVAL_MS,
    }
    this.#announcement = announcementOf(options.identity, this.#identity.keyFingerprint)
    const onProblem = (problem: string) => options.log.warn({ problem }, 'discovery is hindered')
    this.#beacons = new BeaconService({
      fields: beaconFields(options.identity, this.#identity),
      sign: options.sign,
      port: options.ports?.beacon ?? BEACON_PORT,
      boot: this.#now(),
      now: this.#now,
      onBeacon: (beacon, source, answersUs) => this.#onBeacon(beacon, source, answersUs),
      onClone: (source) => this.#onClone(source),
      onProblem,
    })
    this.#mdns = new MdnsService({
      announcement: this.#announcement,
      port: options.ports?.mdns ?? MDNS_PORT,
      peers: this.#peers,
      lifeMs: this.#intervals.mdnsQueryMs * MISSED_INTERVALS_MAX,
      quietMs: this.#intervals.mdnsQueryMs * (1 - JITTER),
      now: this.#now,
      onProblem,
    })
  }

  /** Opens what the settings ask for. Does not reject: what fails is in `state()` and is tried again. */
  start(): Promise<void> {
    return this.#do(async () => {
      if (this.#running) return
      this.#running = true
      await this.#apply()
      this.#schedule()
    })
  }

  /** Says goodbye, closes all sockets and forgets all peers. */
  stop(): Promise<void> {
    return this.#do(async () => {
      this.#running = false
      for (const timer of this.#timers) clearInterval(timer)
      this.#timers = []
      clearTimeout(this.#beaconTimer)
      await this.#apply()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /**
   * Takes over new settings at once.
   * @throws DiscoverySettingsError naming the wrong setting; the old ones then stay.
   */
  async update(settings: DiscoverySettings): Promise<void> {
    this.#settings = parseDiscoverySettings(settings)
    await this.#do(() => this.#apply())
  }

  /** Reads the interfaces and static peers again now, as is done every 30 s. */
  rescan(): Promise<void> {
    return this.#do(() => this.#apply())
  }

  /** The nodes known now, without this one. At most 512 sightings, verified ones first. */
  peers(): Peer[] {
    return this.#peers.list(this.#now())
  }

  state(): DiscoveryState {
    this.#peers.expire(this.#now())
    return {
      enabled: this.#settings.enabled,
      running: this.#running,
      settings: this.#settings,
      interfaces: this.#running ? this.#interfaces : this.#decide(),
      scannedAt: this.#scannedAt,
      mdns: this.#mdns.state(),
      beacon: this.#beacons.state(),
      peers: { count: this.#peers.size, limit: PEERS_MAX, refused: this.#peers.refused },
      clone: this.#activeClone(),
      identity: {
        instance: this.#announcement.name,
        host: this.#announcement.host,
        keyFingerprint: this.#identity.keyFingerprint,
        certificateFingerprint: this.#identity.certificateFingerprint,
      },
    }
  }

  #do(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work).catch((error: unknown) => {
      this.#options.log.warn({ err: error }, 'discovery could not be changed as asked; it is tried again')
    })
    this.#work = done
    return done
  }

  /** Makes the sockets what settings and interfaces ask for, whatever they were before. */
  async #apply(): Promise<void> {
    const { enabled, mdns, beacon } = this.#settings
    const active = this.#running && enabled
    this.#noteInterfaces(this.#decide())
    const staticAddresses = await this.#refreshStatic()
    if (active && beacon) {
      await this.#beacons.configure(this.#interfaces, staticAddresses)
      // The sooner others answer, the sooner the list is complete.
      await this.#beacons.announce()
      await this.#beacons.query()
    } else {
      await this.#beacons.close()
      this.#peers.removeOrigin('beacon')
    }
    if (active && mdns) await this.#mdns.configure(this.#interfaces)
    else await this.#mdns.close()
  }

  #decide(): InterfaceDecision[] {
    const { table, otherNames } = (this.#options.readInterfaces ?? readInterfaces)()
    return decideInterfaces(table, this.#settings.interfaces, otherNames)
  }

  #noteInterfaces(decisions: InterfaceDecision[]): void {
    const announced = (list: InterfaceDecision[]) =>
      list.filter((entry) => entry.announced).map((entry) => entry.name)
    const before = announced(this.#interfaces).join(' ')
    const after = announced(decisions).join(' ')
    this.#interfaces = decisions
    this.#scannedAt = this.#now()
    if (before !== after) this.#options.log.info({ before, after }, 'the announced interfaces changed')
  }

  /** Static peers stay in the map as long as they are configured, whether they answer or not. */
  async #refreshStatic(): Promise<string[]> {
    const { enabled, staticPeers } = this.#settings
    const configured = this.#running ? staticPeers : []
    const sightings = await Promise.all(configured.map((text) => staticSighting(text, enabled)))
    this.#peers.removeOrigin('static')
    for (const sighting of sightings) this.#peers.put(sighting, this.#now())
    const addresses = sightings.flatMap((sighting) => sighting.info.addresses)
    return [...new Set(addresses.filter((address) => isIP(address) !== 0))]
  }

  #schedule(): void {
    const { beaconMs, mdnsQueryMs, rescanMs } = this.#intervals
    const every = (ms: number, work: () => void) => this.#timers.push(setInterval(work, ms).unref())
    every(rescanMs, () => void this.rescan())
    every(mdnsQueryMs, () => this.#mdns.query())
    const beat = () => {
      const waitMs = beaconMs * (1 + JITTER * (2 * Math.random() - 1))
      this.#beaconTimer = setTimeout(async () => {
        await this.#do(() => this.#beacons.announce())
        if (this.#running) beat()
      }, waitMs).unref()
    }
    beat()
  }

  #onBeacon(beacon: VerifiedBeacon, source: string, answersUs: boolean): boolean {
    const nowMs = this.#now()
    const known = this.#peers.get(beacon.keyFingerprint)
    const sighting: Sighting = {
      key: beacon.keyFingerprint,
      origin: 'beacon',
      info: infoOf(beacon),
      source,
      member: this.#options.memberKey?.(beacon.id) === beacon.keyFingerprint,
      expiresAtMs: nowMs + this.#intervals.beaconMs * (1 + JITTER) * MISSED_INTERVALS_MAX,
    }
    // Only an answer to our own question shows how far the clocks are apart; other beacons may have waited somewhere.
    const clockOffsetMs = answersUs ? beacon.at - nowMs : known?.clockOffsetMs
    if (clockOffsetMs !== undefined) sighting.clockOffsetMs = clockOffsetMs
    const kept = this.#peers.put(sighting, nowMs)
    if (!known && kept)
      this.#options.log.info({ nodeId: beacon.id, source, member: sighting.member }, 'a node was discovered')
    return kept
  }

  #onClone(source: string): void {
    if (!this.#activeClone())
      this.#options.log.warn(
        { address: source },
        'another machine uses this node’s key: a copy of its disk is running. Stop the copy or set it up anew',
      )
    this.#clone = { address: source, seenAt: this.#now() }
  }

  #activeClone(): DiscoveryState['clone'] {
    return this.#clone && this.#now() - this.#clone.seenAt < CLONE_MEMORY_MS ? this.#clone : null
  }
}

/** @param ask false when discovery is off, which includes asking the DNS */
async function staticSighting(text: string, ask: boolean): Promise<Sighting> {
  const { host, port } = parseHostPort(text) ?? { host: text, port: 0 }
  const found = ask ? await resolve(host) : []
  const addresses = found.length > 0 ? found : [host]
  const expiresAtMs = Number.POSITIVE_INFINITY
  return { key: `static:${text}`, origin: 'static', info: { port, addresses }, expiresAtMs, member: false }
}

async function resolve(host: string): Promise<string[]> {
  if (isIP(host)) return [host]
  const timeout = new Promise<[]>((done) => setTimeout(() => done([]), LOOKUP_TIMEOUT_MS).unref())
  const found = lookup(host, { all: true }).catch(() => [])
  return (await Promise.race([found, timeout])).slice(0, LOOKUP_ADDRESSES_MAX).map((entry) => entry.address)
}
