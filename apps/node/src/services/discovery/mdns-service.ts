import type { DiscoverySocketError } from './errors.ts'
import type { InterfaceDecision } from './interfaces.ts'
import { type MdnsAnnouncement, MdnsLink } from './mdns.ts'
import type { MdnsNews } from './mdns-records.ts'
import type { PeerMap } from './peer-map.ts'

export type MdnsServiceOptions = {
  announcement?: MdnsAnnouncement
  port: number
  peers: PeerMap
  /** How long a sighting counts without being renewed. */
  lifeMs: number
  /** No question is repeated within this time after anybody's. */
  quietMs: number
  now: () => number
  onProblem: (problem: string) => void
}

export type MdnsState = {
  /** `idle`: switched on, but no announced interface has an IPv4 address. */
  status: 'off' | 'idle' | 'up' | 'failed'
  /** One entry for each announced interface. */
  links: { name: string; up: boolean; problem: string | null }[]
  /** Packets that are not DNS, and instances whose records were incomplete or not valid. */
  malformed: number
}

type Entry = { name: string; link: MdnsLink; problem: string | null }

/** Problems that are remembered as told. */
const TOLD_MAX = 100

/** mDNS on all announced interfaces: one link each, opened and closed as they come and go. */
export class MdnsService {
  readonly #options: MdnsServiceOptions
  /** By what makes a link what it is: a changed address or a replaced card needs a new one. */
  readonly #links = new Map<string, Entry>()
  readonly #told = new Set<string>()
  #active = false
  #malformed = 0

  constructor(options: MdnsServiceOptions) {
    this.#options = options
  }

  async configure(decisions: readonly InterfaceDecision[]): Promise<void> {
    this.#active = true
    const wanted = new Map(decisions.filter(canMulticast).map((decision) => [linkKey(decision), decision]))
    for (const [key, entry] of this.#links) {
      if (wanted.has(key) && entry.link.isOpen) continue
      this.#links.delete(key)
      await entry.link.close()
    }
    for (const [key, decision] of wanted) if (!this.#links.has(key)) await this.#open(key, decision)
  }

  query(): void {
    for (const { link } of this.#links.values()) link.query(this.#options.quietMs)
  }

  async close(): Promise<void> {
    this.#active = false
    const entries = [...this.#links.values()]
    this.#links.clear()
    await Promise.all(entries.map(({ link }) => link.close()))
    this.#options.peers.removeOrigin('mdns')
  }

  state(): MdnsState {
    const links = [...this.#links.values()].map(({ name, link, problem }) => ({
      name,
      up: link.isOpen,
      problem,
    }))
    return { status: this.#status(links), links, malformed: this.#malformed }
  }

  #status(links: MdnsState['links']): MdnsState['status'] {
    if (!this.#active) return 'off'
    if (links.length === 0) return 'idle'
    return links.some((link) => link.up) ? 'up' : 'failed'
  }

  async #open(key: string, decision: InterfaceDecision): Promise<void> {
    const { announcement, port } = this.#options
    const link = new MdnsLink({
      decision,
      port,
      ...(announcement && { announcement }),
      onNews: (news, source) => this.#onNews(news, source),
      onProblem: (problem) => this.#note(key, problem),
    })
    this.#links.set(key, { name: decision.name, link, problem: null })
    try {
      await link.open()
    } catch (error) {
      this.#note(key, (error as DiscoverySocketError).message)
    }
  }

  #onNews(news: MdnsNews, source: string): void {
    const { peers, now, lifeMs, announcement } = this.#options
    this.#malformed += news.malformed
    const ownInstance = announcement && `${announcement.name}._holdfast._tcp.local`.toLowerCase()
    for (const { instance, info } of news.seen) {
      if (instance === ownInstance) continue
      const sighting = { key: `mdns:${instance}`, origin: 'mdns', info, source, member: false } as const
      peers.put({ ...sighting, expiresAtMs: now() + lifeMs }, now())
    }
    // A goodbye counts from where the instance was seen, so that a third machine cannot send others away.
    for (const instance of news.gone)
      if (peers.get(`mdns:${instance}`)?.source === source) peers.remove(`mdns:${instance}`)
  }

  #note(key: string, problem: string | null): void {
    const entry = this.#links.get(key)
    if (!entry || entry.problem === problem) return
    entry.problem = problem
    // Told once and not at each attempt: a cable that is out would otherwise fill the log.
    if (problem === null || this.#told.has(`${key} ${problem}`)) return
    if (this.#told.size >= TOLD_MAX) this.#told.clear()
    this.#told.add(`${key} ${problem}`)
    this.#options.onProblem(problem)
  }
}

const canMulticast = (decision: InterfaceDecision) =>
  decision.announced && decision.addresses.some((entry) => entry.family === 'IPv4')

const linkKey = ({ name, mac, addresses }: InterfaceDecision) =>
  [name, mac, ...addresses.map((entry) => entry.cidr)].join(' ')
