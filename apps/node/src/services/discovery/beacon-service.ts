/** Sends this node's beacons, answers queries, and hands on what others send. 7447/udp, IPv4 and IPv6. */
import type { RemoteInfo } from 'node:dgram'
import { BEACON_ADDRESSES_MAX, type Beacon, encodeBeacon, type Sign, type VerifiedBeacon } from './beacon.ts'
import { BeaconReceiver, type DropCounters, type Received } from './beacon-receiver.ts'
import type { DiscoverySocketError } from './errors.ts'
import {
  addressScope,
  announcedAddresses,
  broadcastAddress,
  type InterfaceDecision,
  onLinkOf,
  plainAddress,
} from './interfaces.ts'
import { SourceLimiter, TokenBucket } from './limiter.ts'
import { UdpPort } from './udp-port.ts'

export const BEACON_PORT = 7447
/** Link-local, transient multicast group (RFC 4291 section 2.7) for IPv6, which has no broadcast. */
export const BEACON_GROUP_IPV6 = 'ff12::7447'
/** Answers of this node: a client asks three times, and a spoofed sender gets no flood out of us. */
const ANSWERS_PER_SOURCE = { perSecond: 2, burst: 5 }
const ANSWERS = { perSecond: 20, burst: 40 }
/** Senders with a wrong clock that are asked back, each second. */
const CHALLENGES = { perSecond: 2, burst: 10 }

/** What every beacon of this node says; addresses, counters and time are added for each one. */
export type BeaconFields = Omit<Beacon, 'addresses' | 'boot' | 'seq' | 'at' | 'nonce'>

export type BeaconServiceOptions = {
  fields: BeaconFields
  sign: Sign
  port: number
  boot: number
  now: () => number
  onBeacon: (beacon: VerifiedBeacon, source: string, answersUs: boolean) => boolean
  onClone: (source: string) => void
  onProblem: (problem: string) => void
}

export type BeaconState = {
  status: 'off' | 'up' | 'failed'
  port: number
  problem: string | null
  sent: number
  /** Sends that the system refused, and the last one's reason, for example `10.0.0.255: ENETUNREACH`. */
  sendErrors: number
  lastSendError: string | null
  received: number
  dropped: DropCounters
  lastSentAt: number | null
}

type Link = { decision: InterfaceDecision; targets: string[]; onLink: (address: string) => boolean }

export class BeaconService {
  readonly #options: BeaconServiceOptions
  readonly #receiver: BeaconReceiver
  readonly #answersPerSource = new SourceLimiter(ANSWERS_PER_SOURCE)
  readonly #answers = new TokenBucket(ANSWERS)
  readonly #challenges = new TokenBucket(CHALLENGES)
  readonly #ports: { udp4: UdpPort | undefined; udp6: UdpPort | undefined } = {
    udp4: undefined,
    udp6: undefined,
  }
  #links: Link[] = []
  /** Tests for the links of the interfaces that are not announced on. */
  #silent: ((address: string) => boolean)[] = []
  #staticAddresses: string[] = []
  #seq = 0
  #sent = 0
  #sendErrors = 0
  #lastSendError: string | null = null
  #lastSentAt: number | null = null
  #problem: string | null = null
  #told: string | null = null
  #active = false

  constructor(options: BeaconServiceOptions) {
    this.#options = options
    this.#receiver = new BeaconReceiver({ key: options.fields.key, boot: options.boot })
  }

  /**
   * Opens what is not open yet and takes over the interfaces and static peers as they are now. A port that does not
   * open is noted in the state and tried again by the next call.
   */
  async configure(
    decisions: readonly InterfaceDecision[],
    staticAddresses: readonly string[],
  ): Promise<void> {
    this.#active = true
    this.#links = decisions.filter((decision) => decision.announced).map(toLink)
    this.#silent = decisions.filter((decision) => !decision.announced).map(onLinkOf)
    this.#staticAddresses = [...staticAddresses]
    this.#problem = null
    await this.#openPort('udp4')
    await this.#openPort('udp6')
    const zones = this.#links
      .filter((link) => hasIpv6(link.decision))
      .map((link) => `::%${link.decision.name}`)
    const problems = this.#ports.udp6?.joinGroup(BEACON_GROUP_IPV6, zones) ?? []
    if (problems.length > 0)
      this.#report(`IPv6 multicast group ${BEACON_GROUP_IPV6} on ${problems.join(', ')}`)
  }

  /** One beacon to every announced interface and static peer; static peers are also asked, so that they answer. */
  async announce(): Promise<void> {
    for (const { decision, targets } of this.#links) {
      const datagram = this.#encode(announcedAddresses(decision))
      for (const target of targets) await this.#send(datagram, this.#options.port, target)
    }
    for (const address of this.#staticAddresses) {
      await this.#send(this.#encode(this.#addressesFor(address)), this.#options.port, address)
      await this.#send(this.#receiver.newQuery(this.#options.now()), this.#options.port, address)
    }
  }

  /** Asks all announced interfaces who is there. */
  async query(): Promise<void> {
    const datagram = this.#receiver.newQuery(this.#options.now())
    for (const { targets } of this.#links)
      for (const target of targets) await this.#send(datagram, this.#options.port, target)
  }

  async close(): Promise<void> {
    this.#active = false
    this.#links = []
    this.#staticAddresses = []
    this.#problem = null
    const ports = [this.#ports.udp4, this.#ports.udp6]
    this.#ports.udp4 = undefined
    this.#ports.udp6 = undefined
    await Promise.all(ports.map((port) => port?.close()))
  }

  state(): BeaconState {
    const open = this.#ports.udp4?.socket !== undefined || this.#ports.udp6?.socket !== undefined
    return {
      status: this.#active ? (open ? 'up' : 'failed') : 'off',
      port: this.#options.port,
      problem: this.#problem,
      sent: this.#sent,
      sendErrors: this.#sendErrors,
      lastSendError: this.#lastSendError,
      received: this.#receiver.received,
      dropped: { ...this.#receiver.dropped },
      lastSentAt: this.#lastSentAt,
    }
  }

  async #openPort(family: 'udp4' | 'udp6'): Promise<void> {
    if (this.#ports[family]?.socket) return
    const port = new UdpPort({
      family,
      port: this.#options.port,
      onDatagram: (datagram, from) => this.#onDatagram(datagram, from),
      onLost: (error) => this.#report(error.message),
    })
    try {
      await port.open()
      this.#ports[family] = port
    } catch (error) {
      const { code, message } = error as DiscoverySocketError
      // A system without IPv6 is in order; IPv4 alone serves it.
      if (family === 'udp4' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) this.#report(message)
    }
  }

  #onDatagram(datagram: Buffer, from: RemoteInfo): void {
    if (!this.#isNear(from.address)) return void this.#receiver.drop('source')
    const nowMs = this.#options.now()
    try {
      this.#react(this.#receiver.receive(datagram, from.address, nowMs), from, nowMs)
    } catch (error) {
      // Signing can fail, for example when the key is gone. A throw in a socket's listener would end the process.
      this.#report(
        `A beacon could not be answered: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }

  #react(received: Received, from: RemoteInfo, nowMs: number): void {
    switch (received.kind) {
      case 'beacon':
        if (!this.#options.onBeacon(received.beacon, from.address, received.answersUs))
          this.#receiver.drop('full')
        return
      case 'query':
        if (!this.#answersPerSource.take(from.address, nowMs) || !this.#answers.take(nowMs))
          return void this.#receiver.drop('rate')
        void this.#send(
          this.#encode(this.#addressesFor(from.address), received.query.nonce),
          from.port,
          from.address,
        )
        return
      case 'stale':
        if (this.#challenges.take(nowMs))
          void this.#send(this.#receiver.newQuery(nowMs), from.port, from.address)
        return
      case 'clone':
        this.#options.onClone(from.address)
    }
  }

  /**
   * Who is heard and answered: this machine, the links of announced interfaces, static peers, and private addresses
   * behind a router. Not the links of interfaces on which this node keeps silent, and nobody with a public address,
   * who could use us to flood a victim.
   */
  #isNear(address: string): boolean {
    const scope = addressScope(address)
    if (scope === 'loopback' || this.#links.some((link) => link.onLink(address))) return true
    if (this.#staticAddresses.includes(plainAddress(address))) return true
    if (this.#silent.some((onLink) => onLink(address))) return false
    return this.#links.length > 0 && scope !== 'public'
  }

  /** The addresses of the interface that the receiver is on; behind a router, those of all announced interfaces. */
  #addressesFor(receiver: string): string[] {
    const near = this.#links.filter((link) => link.onLink(receiver))
    const links = near.length > 0 ? near : this.#links
    return links.flatMap((link) => announcedAddresses(link.decision))
  }

  /** Undefined when the key does not sign: that must neither end the process nor stop mDNS. */
  #encode(addresses: string[], nonce?: string): Buffer | undefined {
    this.#seq += 1
    const beacon = {
      ...this.#options.fields,
      addresses: addresses.slice(0, BEACON_ADDRESSES_MAX),
      boot: this.#options.boot,
      seq: this.#seq,
      at: this.#options.now(),
      ...(nonce !== undefined && { nonce }),
    }
    try {
      return encodeBeacon(beacon, this.#options.sign)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#report(`No beacon can be signed: ${reason}. Check this node's name, identity and private key.`)
      return undefined
    }
  }

  async #send(datagram: Buffer | undefined, port: number, address: string): Promise<void> {
    if (!datagram) return
    const udp = this.#ports[address.includes(':') ? 'udp6' : 'udp4']
    const code = await (udp?.send(datagram, port, address) ?? 'ENOTCONN')
    if (code === undefined) {
      this.#sent += 1
      this.#lastSentAt = this.#options.now()
      return
    }
    this.#sendErrors += 1
    this.#lastSendError = `${address}: ${code}`
  }

  /** Told once and not at each attempt, so that a lasting problem does not fill the log. */
  #report(problem: string): void {
    this.#problem = problem
    if (this.#told === problem) return
    this.#told = problem
    this.#options.onProblem(problem)
  }
}

const hasIpv6 = (decision: InterfaceDecision) =>
  decision.addresses.some((entry) => entry.family === 'IPv6' && entry.scope === 'link-local')

/** Where a datagram for everybody on this interface goes to. */
export function linkTargets(decision: InterfaceDecision): string[] {
  const targets = decision.addresses.map(broadcastAddress).filter((address) => address !== undefined)
  if (hasIpv6(decision)) targets.push(`${BEACON_GROUP_IPV6}%${decision.name}`)
  return [...new Set(targets)]
}

function toLink(decision: InterfaceDecision): Link {
  return { decision, targets: linkTargets(decision), onLink: onLinkOf(decision) }
}
