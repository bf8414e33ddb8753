import { HoldfastError } from '@holdfast/api/contract/errors'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import type { LogPosition } from '../../state/sequencer.ts'
import type { Commit, Log, Settle } from '../log.ts'
import { lostWriter, shuttingDown } from '../settle.ts'
import { Writer } from '../writer.ts'
import type { AppliedBatch, EncodedEntry, FromWriter } from '../writer-protocol.ts'
import { Arrivals } from './arrivals.ts'
import { ChainHistory, type Mark } from './chain-history.ts'
import {
  EtcdClient,
  type EtcdCredentials,
  type EtcdStatus,
  type KeyValue,
  type Watch,
} from './etcd-client.ts'
import { calmProbeMs, EtcdProbe } from './etcd-probe.ts'
import { EtcdProcess, type EtcdProcessOptions } from './etcd-process.ts'
import { HangingLinks, reachesMajority } from './hanging-links.ts'
import { type HeardReport, NodeReports } from './node-reports.ts'
import { logPrefix, Proposals, proposalBounds } from './proposals.ts'
import { RevisionWaiters } from './revision-waiters.ts'
import { TakeOver } from './take-over.ts'

/** Pauses, ms. */
const watchAgainMs = 200
const applyAgainMs = 1000
const epochAgainMs = 100
const flushMs = 1000
/** So long a node that starts keeps commands, which it would otherwise refuse a moment too early. */
export const joiningInMs = 15_000
/** A batch on its way for so long means that the cluster does not write. */
const stuckMs = 5000
/** How long accepted commands may take to come back when the node stops. */
const drainMs = 3000
/** Clocks this far apart are corrected to the middle one. */
const toleratedSkewMs = 2000

/** What a node says of its own state. */
export type OwnState = 'online' | 'restoring' | 'diverged'

export interface EtcdLogOptions {
  databaseFile: string
  nodeId: string
  version: string
  generation: string
  /** How a state of another log is taken: `founder` goes on with what is here, `renamed` in the same log, `member` may not. */
  adopts: 'founder' | 'renamed' | 'member'
  /** Whether this node is a member no more: its state can be read, and nothing else is begun. */
  retired: boolean
  clientPort: number
  credentials: EtcdCredentials
  process: Omit<EtcdProcessOptions, 'onExit' | 'logger' | 'clientPort'>
  clock: Clock
  logger: Logger
  onFailure: (code: 'disk-full' | 'internal', message: string) => void
  /** Told once when the state cannot be brought up to date by the log, and has to come from another node. */
  onRestoreNeeded: (reason: string) => void
  /** Told when the cluster begins or ends to take changes. */
  onWritable: (writable: boolean, reason: string | null) => void
  /** Told of each node's word about itself. */
  onReport?: (report: HeardReport) => void
}

/**
 * The log of a cluster: etcd's revision history (its Raft is the consensus). Each node writes its batches to its one key
 * and applies what all nodes wrote, in the order of the revisions, from a watch. docs/internals/cluster-log.md.
 */
export class EtcdLog implements Log {
  index = 0
  chain = ''
  readonly client: EtcdClient
  readonly reports: NodeReports
  readonly chains = new ChainHistory()
  private readonly o: EtcdLogOptions
  private readonly writer: Writer
  private readonly process: EtcdProcess
  private readonly proposals: Proposals
  private listener: (commit: Commit) => void = () => {}
  private position: LogPosition | null = null
  private durable = { index: 0, revision: 0 }
  private watch: Watch | null = null
  private watches = 0
  private arrivals: Arrivals | null = null
  private readonly timers = new Set<NodeJS.Timeout>()
  private readonly probe: EtcdProbe
  private readonly links: HangingLinks
  private blocked: string | null = 'The node has just started.'
  private hasTakenPart = false
  private stopping = false
  private restoreAsked = false
  /** What this node says of itself. */
  ownState: OwnState = 'online'
  private readonly startedAt: number
  private readonly startedMonotonicMs: number
  private readonly waiters = new RevisionWaiters()
  private readonly taking: TakeOver

  constructor(options: EtcdLogOptions) {
    this.o = options
    const { databaseFile, nodeId, clock, logger, clientPort } = options
    this.startedAt = clock.now()
    this.startedMonotonicMs = clock.monotonic()
    this.writer = new Writer(
      // The log holds whatever a power cut takes from the database.
      { databaseFile, synchronous: 'NORMAL', nodeId },
      (message) => this.receive(message),
      (error) => this.crashed(error),
    )
    this.process = new EtcdProcess({
      ...options.process,
      clientPort,
      logger,
      onExit: () => {
        this.probe.latest = null
      },
    })
    this.client = new EtcdClient(`127.0.0.1:${clientPort}`, options.credentials)
    this.proposals = new Proposals({ nodeId, client: this.client, now: () => this.now(), clock, logger })
    this.taking = new TakeOver((task) => this.writer.post(task), logger)
    this.probe = new EtcdProbe({
      client: this.client,
      isCalm: () => this.blocked === null && this.proposals.oldestMs < calmProbeMs,
      onLook: () => {
        if (!this.stopping && !this.restoreAsked) this.block(this.whyNot())
        this.links.look(this.probe.latest)
        if (this.leads) this.process.led()
      },
      onNewLeader: () => this.proposals.leaderChanged(),
    })
    this.links = new HangingLinks({
      now: () => clock.monotonic(),
      electionMs: options.process.electionMs,
      reachesMajority: async () =>
        reachesMajority(await this.client.members(false), this.status?.memberId ?? '', options.credentials),
      restart: (leaderlessMs) =>
        this.process.startAnew(
          `no leader for ${Math.round(leaderlessMs)} ms, although a majority can be reached`,
        ),
    })
    this.reports = new NodeReports({
      client: this.client,
      nodeId,
      clock,
      logger,
      compose: () => this.compose(),
      onReport: (report) => this.heard(report),
    })
  }

  /** The newest word of this node's etcd; null while it cannot be asked. */
  get status(): EtcdStatus | null {
    return this.probe.latest
  }

  get leads(): boolean {
    return this.probe.leads
  }

  get writable(): boolean {
    return this.blocked === null
  }

  /** One line when it is not writable. */
  get reason(): string | null {
    return this.blocked
  }

  get etcdProblem(): string | null {
    return this.proposals.problem
  }

  /** Revision up to which everything is on this node's disk, whatever happens. */
  get durableRevision(): number {
    return this.durable.revision
  }

  get durableIndex(): number {
    return this.durable.index
  }

  get etcdRssBytes(): number {
    return this.process.rssBytes
  }

  get etcdPid(): number | null {
    return this.process.pid
  }

  get commitMs(): number | null {
    return this.proposals.commitMs
  }

  get revision(): number {
    return this.position?.revision ?? 0
  }

  onCommit(listener: (commit: Commit) => void): void {
    this.listener = listener
  }

  /**
   * Resolves as soon as the state can be read, with or without the other nodes.
   * @throws OpenError when the state cannot be read
   */
  async start(): Promise<void> {
    const { index, chain, position } = await this.writer.start()
    this.index = index
    this.chain = chain
    this.chains.extend(index, chain)
    this.position = position
    if (this.o.retired) return
    this.process.start()
    this.probe.start()
    this.every(flushMs, () => this.flush())
    this.reports.start()
    if (!(await this.takeOver())) return
    this.follow()
    void this.begin()
  }

  propose(command: string, settle: Settle): void {
    this.admit()
    this.proposals.add(command, settle)
  }

  admit(): void {
    if (this.stopping || !this.writer.running) throw shuttingDown()
    if (this.blocked !== null && !this.joiningIn) throw this.refusal(this.blocked)
  }

  /** Whether it has taken part in its cluster since it started; a node that was taken out has nothing to take part in. */
  get hasJoinedIn(): boolean {
    return this.hasTakenPart || this.o.retired
  }

  /** Whether this node has just started and may take part any moment: what comes until then waits. */
  private get joiningIn(): boolean {
    if (this.hasTakenPart || this.restoreAsked || this.o.retired) return false
    return this.o.clock.monotonic() - this.startedMonotonicMs < joiningInMs
  }

  private refusal(reason: string): HoldfastError {
    return new HoldfastError('no-quorum', reason, { retryAfterMs: 1000 })
  }

  /**
   * Resolves when everything that was acknowledged anywhere before the call is applied here (a linearizable read).
   * @throws EtcdError when the cluster does not answer; Error when it is not applied in time, or not any more
   */
  async readIndex(): Promise<void> {
    const newest = await this.client.list(logPrefix, { keysOnly: true })
    const revision = Math.max(0, ...newest.map((kv) => kv.modRevision))
    if (this.revision < revision) await this.waiters.wait(revision)
  }

  /** Takes part no more, in votes not after `votesMs`; what is here can still be read. */
  async retire(reason: string, votesMs: number): Promise<void> {
    this.restoreAsked = true
    this.unfollow()
    this.waiters.end(reason)
    this.block(reason)
    this.proposals.stop()
    for (const timer of this.timers) clearInterval(timer)
    this.reports.stop()
    this.probe.stop()
    this.probe.latest = null
    await this.process.letEnd(votesMs)
  }

  async stop(): Promise<void> {
    this.stopping = true
    const until = this.o.clock.monotonic() + drainMs
    while (!this.proposals.idle && this.writable && this.o.clock.monotonic() < until)
      await new Promise((resolve) => setTimeout(resolve, 10))
    this.proposals.stop()
    for (const timer of this.timers) clearInterval(timer)
    this.probe.stop()
    this.taking.stop()
    this.reports.stop()
    this.watch?.close()
    this.waiters.end(shuttingDown().message)
    this.client.close()
    await this.writer.close()
    await this.process.stop()
  }

  /** The wall clock, corrected to the middle of the nodes' clocks when it is far from it. */
  private now(): number {
    const now = this.reports.now()
    const skews = [0]
    for (const report of this.reports.all())
      if (report.nodeId !== this.o.nodeId && this.reports.alive(report.nodeId)) skews.push(report.skewMs)
    const middle = skews.toSorted((a, b) => a - b)[Math.floor((skews.length - 1) / 2)] ?? 0
    const correct = skews.length > 2 && Math.abs(middle) > toleratedSkewMs
    return now + (correct ? Math.round(middle) : 0)
  }

  /** Brings the state under this log; false when it has to come from another node. */
  private async takeOver(): Promise<boolean> {
    const { generation, adopts } = this.o
    if (this.position?.generation === generation) return true
    if (adopts === 'member') {
      this.restore('this node has no state of this cluster yet')
      return false
    }
    const survivor = adopts === 'renamed'
    const revision = survivor ? (this.position?.revision ?? 0) : 0
    this.position = await this.taking.run({ t: 'adopt', generation, revision, survivor })
    return true
  }

  /** Gets this start's epoch, which is greater than that of any start before. */
  private async begin(): Promise<void> {
    while (!this.stopping) {
      try {
        const at = String(this.o.clock.now())
        this.proposals.begin(await this.client.put(`/boot/${this.o.nodeId}`, at, proposalBounds.writeMs))
        await this.probe.look()
        return
      } catch {
        await new Promise((resolve) => setTimeout(resolve, epochAgainMs))
      }
    }
  }

  private follow(): void {
    if (this.stopping || this.restoreAsked) return
    this.watches += 1
    const id = this.watches
    const watch = this.client.watch(logPrefix, this.revision + 1, {
      events: (events) => {
        if (id === this.watches) arrivals.add(events.map(encodedEntry))
      },
      ended: (reason, compactRevision) => {
        if (id !== this.watches) return
        this.o.logger.debug({ reason, compactRevision }, 'the watch of the log ended')
        if (compactRevision > 0) this.restore('the log no longer goes back to where this node stopped')
        else this.followAgain(watchAgainMs)
      },
    })
    const arrivals = new Arrivals(
      (entries) =>
        this.writer.post(
          { t: 'entries', watch: id, entries },
          entries.map(({ value }) => value.buffer),
        ),
      watch,
    )
    this.arrivals = arrivals
    this.watch = watch
  }

  /** What still comes of the watch is passed over. */
  private unfollow(): void {
    this.watches += 1
    this.watch?.close()
    this.watch = null
    this.arrivals?.close()
    this.arrivals = null
  }

  private followAgain(pauseMs: number): void {
    this.unfollow()
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      this.follow()
    }, pauseMs)
    this.timers.add(timer)
  }

  private receive(message: FromWriter): void {
    if (message.t === 'applied') {
      if (message.watch === this.watches) this.arrivals?.applied()
      if (this.position) this.position.revision = message.revision
      for (const batch of message.batches) this.applied(batch)
      this.waiters.applied(this.revision)
    } else if (message.t === 'flushed') {
      this.durable = { index: message.index, revision: message.revision }
    } else if (message.t === 'adopted') {
      this.taking.adopted(message.position)
    } else if (message.t === 'gap') {
      this.restore(message.message)
    } else if (message.t === 'failed' && !this.taking.failed(message.message)) {
      this.o.onFailure(message.code, message.message)
      // The entry stands in the log: it is applied as soon as this node can.
      if (message.watch === this.watches) this.followAgain(applyAgainMs)
    }
  }

  private applied(batch: AppliedBatch): void {
    const { index, chain, at, outcomes, effects, commands } = batch
    this.index = index
    this.chain = chain
    this.chains.extend(index, chain)
    if (batch.origin === this.o.nodeId && batch.epoch === this.proposals.epoch)
      this.proposals.applied(batch.no, outcomes, at)
    this.listener({ index, at, commands, effects })
  }

  /** Has the writer leave the write-ahead log alone while the database is copied. */
  holdCheckpoints(held: boolean): void {
    this.writer.post({ t: 'hold-checkpoints', held })
  }

  /** The log cannot bring this node up to date any more. */
  restore(reason: string): void {
    if (this.restoreAsked || this.stopping) return
    this.restoreAsked = true
    this.unfollow()
    if (this.ownState === 'online') this.ownState = 'restoring'
    const restoring = `This node takes its state from another one: ${reason}`
    this.waiters.end(restoring)
    this.block(restoring)
    this.o.onRestoreNeeded(reason)
  }

  private whyNot(): string | null {
    const readOnly = 'this node can be read and takes nothing new until then'
    const { latest } = this.probe
    if (latest === null)
      return `The etcd of this node does not answer yet${this.process.problem ? ` (${this.process.problem})` : ''}; ${readOnly}.`
    if (latest.leader === null) return `This node does not reach a majority of the cluster; ${readOnly}.`
    if (this.proposals.epoch === null) return `This node is joining in; ${readOnly}.`
    if (this.proposals.oldestMs > stuckMs)
      return `The cluster has not confirmed a change for ${Math.round(this.proposals.oldestMs / 1000)} s; ${readOnly}.`
    return null
  }

  private block(reason: string | null): void {
    const before = this.blocked
    this.blocked = reason
    if (reason === null) this.hasTakenPart = true
    else if (!this.joiningIn) this.proposals.refuseUnwritten(this.refusal(reason))
    if ((before === null) !== (reason === null)) this.o.onWritable(reason === null, reason)
  }

  private flush(): void {
    if (this.durable.revision < this.revision || this.durable.index < this.index)
      this.writer.post({ t: 'flush' })
  }

  private compose() {
    const { index, chain, durable } = this
    const { latest } = this.probe
    const marks: Mark[] = [...this.chains.marks(index), [index, chain]]
    return {
      at: this.o.clock.now(),
      generation: this.o.generation,
      state: this.ownState,
      version: this.o.version,
      startedAt: this.startedAt,
      memberId: latest?.memberId ?? '',
      index,
      chain,
      revision: this.revision,
      durableIndex: durable.index,
      durableRevision: durable.revision,
      marks,
      commitMs: this.proposals.commitMs,
      etcd: {
        version: latest?.version ?? '',
        databaseBytes: latest?.databaseBytes ?? 0,
        databaseInUseBytes: latest?.databaseInUseBytes ?? 0,
        rssBytes: this.process.rssBytes,
      },
    }
  }

  private heard(report: HeardReport): void {
    if (report.nodeId !== this.o.nodeId && report.generation === this.o.generation)
      this.chains.hear(report.nodeId, this.index, report.marks)
    this.o.onReport?.(report)
  }

  private crashed(error: Error): void {
    this.o.logger.fatal({ err: error }, 'the writer thread died')
    this.stopping = true
    this.proposals.stop()
    this.o.onFailure('internal', `${lostWriter().message} ${error.message}`)
    process.exitCode = 1
    process.kill(process.pid, 'SIGTERM')
  }

  private every(periodMs: number, work: () => void | Promise<void>): void {
    this.timers.add(setInterval(() => void work(), periodMs))
  }
}

function encodedEntry({ key, version, modRevision, value }: KeyValue): EncodedEntry {
  // A copy of its own, which the writer thread is given; the bytes that came are a part of all that came with them.
  return { key: key.slice(logPrefix.length), version, revision: modRevision, value: new Uint8Array(value) }
}
