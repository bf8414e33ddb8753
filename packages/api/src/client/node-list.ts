import { Backoff, type BackoffOptions, defaultBackoff } from './backoff.ts'
import { clientBounds } from './bounds.ts'
import { UnreachableError } from './errors.ts'
import { nodeOrigin } from './urls.ts'

/** Upper ends of the time for which a node without quorum is not asked to store anything while another one might. */
const readOnlyBackoff = { baseMs: 1_000, maxMs: 10_000 } as const satisfies BackoffOptions

export interface NodeListOptions {
  backoff?: BackoffOptions
  /** Looks for further nodes of the facility on the network; asked when none of the known ones answers. */
  discover?: () => Promise<string[]>
}

interface KnownNode {
  url: string
  /** Named by the application, not by a node: never forgotten. */
  given: boolean
  failures: Backoff
  /** Monotonic time before which it is not tried again. */
  notBefore: number
  refusals: Backoff
  /** Monotonic time until which it counts as without quorum. */
  readOnlyUntil: number
}

/** The nodes of a facility that a program knows, best first, and when each may be tried again. */
export class NodeList {
  readonly #backoff: BackoffOptions
  readonly #discover: (() => Promise<string[]>) | undefined
  #nodes: KnownNode[] = []
  #looking: Promise<boolean> | null = null

  /** @throws HoldfastError `bad-request` for what is no address, UnreachableError when there is none. */
  constructor(urls: readonly string[], options: NodeListOptions = {}) {
    this.#backoff = options.backoff ?? defaultBackoff
    this.#discover = options.discover
    for (const url of new Set(urls.map(nodeOrigin))) this.#add(url, true)
    if (this.#nodes.length === 0) throw new UnreachableError('No address of a node was given.')
  }

  /** The list that is given, or a new one of these addresses. */
  static of(urls: readonly string[] | NodeList, options: NodeListOptions = {}): NodeList {
    return urls instanceof NodeList ? urls : new NodeList(urls, options)
  }

  /** All addresses, best first. */
  get urls(): string[] {
    return this.#nodes.map((node) => node.url)
  }

  get best(): string {
    return this.#nodes[0]!.url
  }

  get canDiscover(): boolean {
    return this.#discover !== undefined
  }

  /** The nodes that may be tried now, best first, and those without quorum last. */
  ready(except: (url: string) => boolean = () => false): string[] {
    const now = performance.now()
    const ready = this.#nodes.filter((node) => node.notBefore <= now && !except(node.url))
    const mute = (node: KnownNode): number => (node.readOnlyUntil > now ? 1 : 0)
    return ready.sort((a, b) => mute(a) - mute(b)).map((node) => node.url)
  }

  /** Milliseconds until the first of the nodes may be tried; infinite when there is none. */
  waitMs(except: (url: string) => boolean = () => false): number {
    const times = this.#nodes.filter((node) => !except(node.url)).map((node) => node.notBefore)
    return Math.max(0, Math.min(...times) - performance.now())
  }

  isReadOnly(url: string): boolean {
    return (this.#find(url)?.readOnlyUntil ?? 0) > performance.now()
  }

  /** Milliseconds until a node other than `url` may be asked whether it has its quorum; infinite when there is none. */
  writableInMs(url: string): number {
    const times = this.#nodes
      .filter((node) => node.url !== url)
      .map((node) => Math.max(node.notBefore, node.readOnlyUntil))
    return Math.max(0, Math.min(...times) - performance.now())
  }

  /** Failures of a node since it last answered. */
  failures(url: string): number {
    return this.#find(url)?.failures.failures ?? 0
  }

  /** The node did not answer, or went away. It is tried again after a while, the others before it. */
  failed(url: string): void {
    const node = this.#find(url)
    if (!node) return
    // At least one millisecond: whoever has just failed is not tried again in the same turn.
    node.notBefore = performance.now() + Math.max(1, node.failures.next())
    this.#nodes = [...this.#nodes.filter((other) => other !== node), node]
  }

  /** The node answered: it is the first to be asked from now on. */
  answered(url: string): void {
    const node = this.#find(url)
    if (!node) return
    node.failures.reset()
    node.notBefore = 0
    if (this.#nodes[0] !== node) this.#nodes = [node, ...this.#nodes.filter((other) => other !== node)]
  }

  /** The node said that it has no quorum. */
  refused(url: string): void {
    const node = this.#find(url)
    if (!node || node.readOnlyUntil > performance.now()) return
    // Not below half of the ceiling: nodes that all refuse are not hopped between in a circle.
    const ceiling = Math.min(
      readOnlyBackoff.maxMs,
      readOnlyBackoff.baseMs * 2 ** Math.min(node.refusals.failures, 10),
    )
    node.readOnlyUntil = performance.now() + ceiling / 2 + node.refusals.next() / 2
  }

  /** The node has stored something, or said that it can again. */
  writable(url: string): void {
    const node = this.#find(url)
    if (node) node.readOnlyUntil = 0
    // The time without a quorum is over: what any node refused in it says nothing about the next one.
    for (const each of this.#nodes) each.refusals.reset()
  }

  /** Every node may be tried at once, for example because the network is back. */
  hurry(): void {
    for (const node of this.#nodes) node.notBefore = 0
  }

  /**
   * Takes in what a node says about the members of its cluster: new ones are added, members that were learnt earlier and
   * are gone are forgotten. What is no address, or too much, is left out.
   */
  learn(urls: readonly string[], options: { complete: boolean } = { complete: true }): boolean {
    const before = this.urls
    const { best } = this
    // Nobody is led from TLS to a node without.
    const scheme = `${new URL(best).protocol}//`
    const named = new Set<string>()
    for (const url of urls.slice(0, clientBounds.nodes))
      if (typeof url === 'string' && URL.canParse(url) && url.startsWith(scheme)) named.add(nodeOrigin(url))
    if (options.complete && named.size > 0)
      this.#nodes = this.#nodes.filter((node) => node.given || node.url === best || named.has(node.url))
    // Clients that lose a node do not all go to the same one.
    for (const url of [...named].sort(() => Math.random() - 0.5)) this.#add(url, false)
    return this.#nodes.length !== before.length || before.some((url) => !this.#find(url))
  }

  /** Looks for further nodes; true when there is one that was not known. Several callers share one look. */
  discover(): Promise<boolean> {
    if (!this.#discover) return Promise.resolve(false)
    this.#looking ??= this.#discover()
      .then((urls) => {
        const before = new Set(this.urls)
        this.learn(urls, { complete: false })
        return this.urls.some((url) => !before.has(url))
      })
      .catch(() => false)
      .finally(() => {
        this.#looking = null
      })
    return this.#looking
  }

  #find(url: string): KnownNode | undefined {
    return this.#nodes.find((node) => node.url === url)
  }

  #add(url: string, given: boolean): void {
    if (this.#find(url)) return
    if (this.#nodes.length >= clientBounds.nodes) {
      const worst = this.#nodes.findLastIndex((node, i) => i > 0 && !node.given && node.failures.failures > 0)
      if (worst < 0) return
      this.#nodes.splice(worst, 1)
    }
    this.#nodes.push({
      url,
      given,
      failures: new Backoff(this.#backoff),
      notBefore: 0,
      refusals: new Backoff(readOnlyBackoff),
      readOnlyUntil: 0,
    })
  }
}
