/**
 * One interface's mDNS (RFC 6762): announces `_holdfast._tcp` and hears others do so.
 *
 * bonjour-service 1.4.4 answers and announces. What it leaves to its user is done here:
 * - It throws on a bind error and on a hostile packet's consequences: the socket is ours, and events are caught.
 * - Given an interface it binds to that unicast address, where Linux delivers no multicast: we bind to the group's
 *   address, which also leaves avahi's unicast traffic on 5353 to avahi.
 * - It announces the addresses of all interfaces: what leaves is cut to this interface's addresses.
 * - It sets no cache-flush bit (section 10.2) and a TTL of eight hours on pointers: both are corrected.
 * - Its probing takes our own answer on another interface for a stranger's and only prints that: names carry the
 *   key's fingerprint, so they are unique without it, and a copy of this node is found by its beacon.
 * - Its browser keeps everything it hears, without bound: responses are read here instead.
 */
import type { RemoteInfo } from 'node:dgram'
import { setTimeout as delay } from 'node:timers/promises'
import { DiscoverySocketError } from './errors.ts'
import { announcedAddresses, type InterfaceDecision, onLinkOf } from './interfaces.ts'
import { TokenBucket } from './limiter.ts'
import { type DnsPacket, type DnsRecord, type MdnsNews, readResponse, SERVICE_TYPE } from './mdns-records.ts'
import { UdpPort } from './udp-port.ts'

const GROUP = '224.0.0.251'
export const MDNS_PORT = 5353
/** Time to live of a pointer record, seconds (RFC 6762 section 10). */
const POINTER_TTL_SECONDS = 4500
/** Answers a second on one interface; with more the network is being flooded by questions. */
const ANSWERS = { perSecond: 10, burst: 20 }
/** A goodbye that cannot be sent must not hold up the stop. */
const CLOSE_TIMEOUT_MS = 500
/** Spread of answers to a question that several nodes answer (RFC 6762 section 6). */
const ANSWER_DELAY_MS = { min: 20, max: 120 }

export type MdnsAnnouncement = { name: string; host: string; port: number; txt: Record<string, string> }

export type MdnsLinkOptions = {
  decision: InterfaceDecision
  /** Absent: listen only, as a client does. */
  announcement?: MdnsAnnouncement
  port?: number
  onNews: (news: MdnsNews, source: string) => void
  /** What hinders sending; null when it works again. */
  onProblem: (problem: string | null) => void
}

/** The part of multicast-dns that is used; the library has no types for it. */
type Mdns = {
  on: (event: 'query' | 'response', listener: (packet: DnsPacket, from: RemoteInfo) => void) => void
  emit: (event: string, ...args: unknown[]) => boolean
  send: (packet: DnsPacket & { type?: string }, to?: unknown, done?: (error?: Error | null) => void) => void
  query: (name: string, type: string) => void
}
type BonjourLike = {
  server: { mdns: Mdns }
  publish: (config: object) => object
  unpublishAll: (done: () => void) => void
  destroy: (done: () => void) => void
}

export class MdnsLink {
  readonly #options: MdnsLinkOptions
  readonly #addresses: string[]
  readonly #onLink: (address: string) => boolean
  readonly #answers = new TokenBucket(ANSWERS)
  #port: UdpPort | undefined
  #bonjour: BonjourLike | undefined
  #closing = false
  /** When anybody on this link last asked our question; the answers go to all. */
  #askedAtMs = Number.NEGATIVE_INFINITY

  constructor(options: MdnsLinkOptions) {
    this.#options = options
    this.#addresses = announcedAddresses(options.decision)
    this.#onLink = onLinkOf(options.decision)
  }

  /**
   * Opens the socket, announces if there is something to announce, and asks who else is there.
   * @throws DiscoverySocketError when port 5353 cannot be shared or the interface cannot do multicast.
   */
  async open(): Promise<void> {
    const { announcement } = this.#options
    const [port, { default: Bonjour }] = await Promise.all([this.#openSocket(), import('bonjour-service')])
    this.#port = port
    // `bind` and `multicast` off: both are done on our socket, and the library would guess the interface.
    const config = {
      socket: port.socket,
      bind: false,
      multicast: false,
      port: this.#options.port ?? MDNS_PORT,
    }
    const bonjour = new Bonjour(config as object, (error: unknown) =>
      this.#problem(error),
    ) as unknown as BonjourLike
    this.#guard(bonjour.server.mdns)
    this.#bonjour = bonjour
    bonjour.server.mdns.on('response', (packet, from) => {
      this.#options.onNews(readResponse(packet), from.address)
    })
    bonjour.server.mdns.on('query', (packet) => {
      if (packet.questions?.some(asksForUs)) this.#askedAtMs = performance.now()
    })
    if (announcement) bonjour.publish({ ...announcement, type: 'holdfast', protocol: 'tcp', probe: false })
    this.query()
  }

  /** False before `open`, after `close`, and after the system took the socket away. */
  get isOpen(): boolean {
    return this.#port?.socket !== undefined
  }

  /**
   * Asks who announces `_holdfast._tcp`, unless somebody did within `quietMs`: everybody hears the answers, so one
   * question serves all nodes (RFC 6762 section 7.3).
   */
  query(quietMs = 0): void {
    if (performance.now() - this.#askedAtMs < quietMs) return
    this.#bonjour?.server.mdns.query(SERVICE_TYPE, 'PTR')
  }

  /** Says goodbye (RFC 6762 section 10.1) and closes the socket. */
  async close(): Promise<void> {
    this.#closing = true
    const bonjour = this.#bonjour
    this.#bonjour = undefined
    if (!bonjour) return
    const goodbye = new Promise<void>((resolve) => bonjour.unpublishAll(resolve))
    await Promise.race([goodbye, delay(CLOSE_TIMEOUT_MS, undefined, { ref: false })])
    const closed = new Promise<void>((resolve) => bonjour.destroy(resolve)).catch(() => {
      // The system had taken the socket away; it is closed already.
    })
    await Promise.race([closed, delay(CLOSE_TIMEOUT_MS, undefined, { ref: false })])
    this.#port = undefined
  }

  async #openSocket(): Promise<UdpPort> {
    const { decision, port = MDNS_PORT } = this.#options
    const address = decision.addresses.find((entry) => entry.family === 'IPv4')?.address
    const what = `mDNS on ${decision.name}`
    if (!address) throw new DiscoverySocketError(`${what} needs an IPv4 address`, { code: 'EADDRNOTAVAIL' })
    const udp = new UdpPort({
      family: 'udp4',
      port,
      // Windows cannot bind to a group; there the socket takes everything on the port.
      ...(process.platform !== 'win32' && { address: GROUP }),
      onDatagram: () => {},
      onLost: (error) => this.#problem(error),
    })
    await udp.open()
    try {
      udp.socket?.addMembership(GROUP, address)
      // Without this a packet would leave by the default route, perhaps on an interface that must stay silent.
      udp.socket?.setMulticastInterface(address)
      udp.socket?.setMulticastTTL(255)
      udp.socket?.setMulticastLoopback(true)
      return udp
    } catch (error) {
      await udp.close()
      throw new DiscoverySocketError(what, error)
    }
  }

  /** Puts itself between the library and the network, in both directions. */
  #guard(mdns: Mdns): void {
    const emit = mdns.emit.bind(mdns)
    mdns.emit = (event, ...args) => {
      // Without a listener an `error` would end the process. Ours comes by UdpPort; the rest is about packets.
      if (event === 'error' || event === 'warning') return this.#malformed()
      const from = args[1] as RemoteInfo | undefined
      // Another interface's packets come to this socket too; RFC 6762 section 11 also asks for this check.
      if ((event === 'query' || event === 'response') && !this.#onLink(from?.address ?? '')) return true
      try {
        return emit(event, ...args)
      } catch {
        return this.#malformed() // The library meets a packet that it did not expect.
      }
    }
    const send = mdns.send.bind(mdns)
    mdns.send = (packet, to, done) => {
      const callback = typeof to === 'function' ? (to as typeof done) : done
      const finish = (error?: Error | null) => {
        if (error) this.#problem(error)
        else this.#options.onProblem(null)
        callback?.(error)
      }
      const transmit = (outgoing: DnsPacket) => {
        try {
          send(outgoing, null, finish)
        } catch (error) {
          finish(error as Error) // What the encoder refuses, it throws.
        }
      }
      if (packet.type !== 'response') return transmit(packet)
      if (this.#closing) return transmit(this.#cut(packet))
      if (!this.#answers.take(Date.now())) return callback?.()
      const { min, max } = ANSWER_DELAY_MS
      setTimeout(() => transmit(this.#cut(packet)), min + Math.random() * (max - min)).unref()
    }
  }

  /** Copies a response, since its records stay registered, with only what may be said on this interface. */
  #cut(packet: DnsPacket): DnsPacket {
    const cut = (records: DnsRecord[] = []) => records.filter((record) => this.#allowed(record)).map(correct)
    return { ...packet, answers: cut(packet.answers), additionals: cut(packet.additionals) }
  }

  #allowed(record: DnsRecord): boolean {
    const isAddress = record.type === 'A' || record.type === 'AAAA'
    return !isAddress || this.#addresses.includes(String(record.data))
  }

  #problem(error: unknown): void {
    this.#options.onProblem(error instanceof Error ? error.message : String(error))
  }

  #malformed(): true {
    this.#options.onNews({ seen: [], gone: [], malformed: 1 }, '')
    return true
  }
}

const asksForUs = (question: DnsRecord) =>
  question.type === 'PTR' && question.name.toLowerCase() === SERVICE_TYPE

/** Only we hold these records, so caches replace what they have; pointers are shared and are added to. */
function correct(record: DnsRecord): DnsRecord {
  if (record.type === 'PTR') return { ...record, ttl: Math.min(record.ttl ?? 0, POINTER_TTL_SECONDS) }
  return { ...record, flush: true }
}
