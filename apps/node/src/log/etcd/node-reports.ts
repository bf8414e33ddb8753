import * as z from 'zod'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import type { EtcdClient, KeyValue, Watch } from './etcd-client.ts'

/** How often a node tells of itself, and after how long it counts as gone, ms. */
export const reportMs = 1000
export const goneMs = 5000
const againMs = 500
/** Clock readings kept for each node: the one that travelled fastest is nearest to the truth. */
const keptSkews = 8

/** Less is how clocks are trimmed. */
const jumpMs = 500

const markSchema = z.tuple([z.int(), z.string().max(64)])

const reportSchema = z.object({
  /** Milliseconds since 1970 by its own clock. */
  at: z.number(),
  generation: z.string().max(100),
  state: z.enum(['online', 'restoring', 'diverged']),
  version: z.string().max(40),
  startedAt: z.number(),
  memberId: z.string().max(40),
  index: z.int(),
  chain: z.string().max(64),
  revision: z.number(),
  durableIndex: z.int(),
  durableRevision: z.number(),
  /** Chains at some indexes before, to be compared by those who are behind. */
  marks: z.array(markSchema).max(64),
  commitMs: z.number().nullable(),
  etcd: z.object({
    version: z.string().max(40),
    databaseBytes: z.number(),
    databaseInUseBytes: z.number(),
    rssBytes: z.number(),
  }),
})
export type NodeReport = z.output<typeof reportSchema>

export interface HeardReport extends NodeReport {
  nodeId: string
  /** When it was heard, ms since 1970 by this node's clock. */
  heardAt: number
  /** Its clock minus this node's, ms. */
  skewMs: number
}

const prefix = '/st/'

/** What each node of the cluster says about itself, once a second, through etcd; the newest word of absent ones stays. */
export class NodeReports {
  private readonly client: EtcdClient
  private readonly nodeId: string
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly compose: () => NodeReport
  private readonly onReport: (report: HeardReport) => void
  private readonly heard = new Map<string, HeardReport>()
  private readonly skews = new Map<string, number[]>()
  private watch: Watch | null = null
  private teller: NodeJS.Timeout | null = null
  private opener: NodeJS.Timeout | null = null
  private telling = false
  /** Wall clock minus the clock that never jumps, ms. */
  private offset: number
  private stopped = false

  constructor(options: {
    client: EtcdClient
    nodeId: string
    clock: Clock
    logger: Logger
    compose: () => NodeReport
    onReport: (report: HeardReport) => void
  }) {
    this.client = options.client
    this.nodeId = options.nodeId
    this.clock = options.clock
    this.offset = options.clock.now() - options.clock.monotonic()
    this.logger = options.logger
    this.compose = options.compose
    this.onReport = options.onReport
  }

  start(): void {
    this.teller = setInterval(() => void this.tell(), reportMs)
    void this.open()
  }

  stop(): void {
    this.stopped = true
    if (this.teller) clearInterval(this.teller)
    if (this.opener) clearTimeout(this.opener)
    this.watch?.close()
  }

  all(): HeardReport[] {
    return [...this.heard.values()]
  }

  of(nodeId: string): HeardReport | undefined {
    return this.heard.get(nodeId)
  }

  /**
   * The wall clock, ms since 1970. When it has jumped, what is known about the other clocks moves with it, so that it is
   * true at once and not only after the next reports.
   */
  now(): number {
    const now = this.clock.now()
    const offset = now - this.clock.monotonic()
    const jumped = offset - this.offset
    this.offset = offset
    if (Math.abs(jumped) < jumpMs) return now
    this.logger.warn({ jumpedMs: Math.round(jumped) }, 'the clock of this machine was set')
    for (const report of this.heard.values()) {
      report.heardAt += jumped
      if (report.nodeId !== this.nodeId) report.skewMs -= jumped
    }
    for (const [nodeId, skews] of this.skews)
      this.skews.set(
        nodeId,
        skews.map((skew) => skew - jumped),
      )
    return now
  }

  /** Whether it has told of itself lately. */
  alive(nodeId: string): boolean {
    const report = this.heard.get(nodeId)
    return report !== undefined && this.now() - report.heardAt < goneMs
  }

  /** Forgets a node that was taken out. */
  async remove(nodeId: string): Promise<void> {
    this.heard.delete(nodeId)
    this.skews.delete(nodeId)
    await this.client.remove(prefix + nodeId)
  }

  async tell(): Promise<void> {
    if (this.telling) return
    this.telling = true
    try {
      await this.client.put(prefix + this.nodeId, JSON.stringify(this.compose()), reportMs * 2)
    } catch (error) {
      this.logger.debug({ err: error }, 'the report of this node was not written')
    } finally {
      this.telling = false
    }
  }

  private async open(): Promise<void> {
    try {
      const present = await this.client.list(prefix)
      if (this.stopped) return
      let newest = 0
      for (const kv of present) {
        newest = Math.max(newest, kv.modRevision)
        // How old it is nobody knows; the next one tells whether the node is alive.
        if (!this.heard.has(idOf(kv))) this.hear(kv, 0)
      }
      this.watch = this.client.watch(prefix, newest + 1, {
        events: (events) => {
          for (const kv of events) this.hear(kv, this.now())
        },
        ended: () => this.reopen(),
      })
    } catch {
      this.reopen()
    }
  }

  private reopen(): void {
    if (this.stopped) return
    this.opener = setTimeout(() => void this.open(), againMs)
  }

  private hear(kv: KeyValue, heardAt: number): void {
    const nodeId = idOf(kv)
    let value: unknown
    try {
      value = JSON.parse(kv.value.toString())
    } catch {
      return
    }
    const parsed = reportSchema.safeParse(value)
    if (!parsed.success) return
    const report = { ...parsed.data, nodeId, heardAt: heardAt || parsed.data.at, skewMs: 0 }
    if (heardAt > 0) report.skewMs = this.skewOf(nodeId, parsed.data.at - heardAt)
    this.heard.set(nodeId, report)
    if (heardAt > 0) this.onReport(report)
  }

  /** Time on the way makes a clock look late, so the latest-looking reading of some is the best. */
  private skewOf(nodeId: string, readingMs: number): number {
    const skews = this.skews.get(nodeId) ?? []
    skews.push(readingMs)
    if (skews.length > keptSkews) skews.shift()
    this.skews.set(nodeId, skews)
    return nodeId === this.nodeId ? 0 : Math.max(...skews)
  }
}

const idOf = (kv: KeyValue) => kv.key.slice(prefix.length)
