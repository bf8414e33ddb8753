/**
 * Makes and confirms checkpoints of the audit log on one node.
 *
 * 1. The node publishes its key, once it belongs to a facility.
 * 2. The leader makes a checkpoint after `newsEvents` new events, or `newsMs` after the last one when there is news.
 * 3. For each checkpoint that commits, the node computes the root from its own events. When it is the same, the node
 *    adds its line; when it is not, it says so in the audit log, and an alert stands on every node.
 * 4. At each start all this is done anew from the first event on, so that a history that was rewritten meanwhile is found.
 * 5. A node whose events are not those that it signed before signs nothing any more.
 */
import { HoldfastError } from '@holdfast/api/contract/errors'
import type { Proposer } from '../../log/proposer.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import { systemActor } from '../../state/commands.ts'
import type { Effect } from '../../state/effects.ts'
import type { Alerts } from '../overview/alerts.ts'
import {
  type Checkpoint,
  cosignCheckpoint,
  cosignerKey,
  isOrigin,
  logKey,
  originOf,
  readCheckpoint,
  signaturesOf,
  signCheckpoint,
} from './checkpoint.ts'
import type { CheckpointState, StoredCheckpoint } from './checkpoint-state.ts'
import { disputesSetting } from './commands.ts'
import { Frontier, leafHash } from './merkle.ts'
import { encodeKey, isBy, type Note, type Signer } from './signed-note.ts'

/** Bounds of the checkpointer. */
export const checkpointLimits = {
  /** New events after which the leader makes a checkpoint. */
  newsEvents: 1000,
  /** Time after the last checkpoint in which the leader makes another, when there are new events. */
  newsMs: 600_000,
  /** How often the node looks at the time. */
  tickMs: 5000,
  /** Time after which it tries again what failed. */
  retryMs: 500,
  /** Hashes of events kept in memory since the last checkpoint; beyond it they are read again. */
  recentLeaves: 8192,
  /** Hashes read at once. */
  pageLeaves: 2000,
} as const

export interface CheckpointerOptions {
  /** Id of this node. */
  node: string
  signer: Signer
  /** SHA-256 of the CA's certificate in hex: names the log until its first checkpoint does. */
  caFingerprint(): string
  proposer: Pick<Proposer, 'propose'>
  state: CheckpointState
  isLeader(): boolean
  /** Leaf hashes of this node's own events from a sequence on, in order, at most `limit`. */
  readLeaves(fromSeq: number, limit: number): Promise<readonly Buffer[]>
  alerts: Pick<Alerts, 'raise' | 'clear'>
  clock: Clock
  logger: Pick<Logger, 'info' | 'warn' | 'error'>
  limits?: Partial<Record<keyof typeof checkpointLimits, number>>
}

/** Codes of the alerts that this raises. */
export const checkpointAlertCodes = ['audit-disputed', 'audit-rewritten', 'audit-key'] as const

export class Checkpointer {
  readonly #options: CheckpointerOptions
  readonly #limits: Record<keyof typeof checkpointLimits, number>
  /** Size of the newest checkpoint about which this node has said its word. */
  #confirmed = 0
  /** The tree at that checkpoint, or at the next one. */
  #tree = new Frontier()
  /** Leaf hashes of the events behind the tree. */
  #recent: Buffer[] = []
  /** Newest event that was committed. */
  #head = 0
  /** A checkpoint that this node signed and that its events do not have: it signs no more. */
  #rewritten: number | null = null
  #published = false
  #timer: NodeJS.Timeout | null = null
  #retry: NodeJS.Timeout | null = null
  /** Whether the last attempt failed, so that trouble that lasts is told once. */
  #failing = false
  #pump: Promise<void> | null = null
  #again = false
  #stopped = true
  /** The end of what uses the tree, one after the other. */
  #last: Promise<unknown> = Promise.resolve()
  /** Rejected by `stop`, so that nobody waits for a log that has no quorum. */
  #stop = Promise.withResolvers<never>()

  constructor(options: CheckpointerOptions) {
    this.#options = options
    this.#limits = { ...checkpointLimits, ...options.limits }
  }

  start(): void {
    this.#stopped = false
    this.#stop = Promise.withResolvers()
    this.#stop.promise.catch(() => {})
    void this.reset()
    this.#timer = setInterval(() => this.#wake(), this.#limits.tickMs)
    this.#timer.unref()
  }

  /** Ends the work at hand; nothing is proposed any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer !== null) clearInterval(this.#timer)
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#timer = null
    this.#retry = null
    this.#stop.reject(new HoldfastError('shutting-down', 'This node is shutting down.'))
    await this.#pump
    await this.#last
  }

  /** Begins anew from the first event: after the database was replaced. */
  async reset(): Promise<void> {
    await this.#exclusive(async () => {
      this.#confirmed = 0
      this.#tree = new Frontier()
      this.#recent = []
      this.#rewritten = null
      this.#published = false
      this.#head = this.#options.state.head()
      for (const code of checkpointAlertCodes) this.#options.alerts.clear(code)
      this.#showDisputes()
    })
    this.#wake()
  }

  /** Hears of each commit, in order. */
  committed({ effects }: { effects: readonly Effect[] }): void {
    let concerns = false
    for (const effect of effects) {
      if (effect.e === 'audit') this.#follow(effect.seq, effect.event)
      else if (effect.e === 'changed') {
        if (effect.kind === 'setting' && effect.id === disputesSetting) this.#showDisputes()
        concerns ||= effect.kind === 'checkpoint' || effect.kind === 'node'
      }
    }
    const isMuch = this.#head - this.#tree.size >= this.#limits.newsEvents && this.#options.isLeader()
    if (concerns || isMuch) this.#wake()
  }

  /**
   * Makes a checkpoint of everything so far, on whichever node, when there are events that none covers.
   * @returns the newest checkpoint
   * @throws HoldfastError `conflict` when the node has nothing that it may sign; the proposer's errors
   */
  take(): Promise<StoredCheckpoint> {
    return this.#exclusive(async () => {
      if (!(await this.#publishKey()))
        throw new HoldfastError(
          'conflict',
          'This node has no key for checkpoints in its facility yet; see its alerts.',
        )
      try {
        await this.#make()
      } catch (error) {
        // Another node was faster.
        if (!isRefusal(error)) throw error
      }
      if (this.#rewritten !== null) throw new HoldfastError('conflict', rewrittenText(this.#rewritten))
      const newest = this.#options.state.newest()
      if (newest === null) throw new HoldfastError('not-found', 'There is no checkpoint yet.')
      return newest
    })
  }

  /** The first line of this facility's checkpoints. */
  origin(): string {
    const first = this.#options.state.newest()?.note.split('\n', 1)[0] ?? ''
    return isOrigin(first) ? first : originOf(this.#options.caFingerprint())
  }

  #follow(seq: number, event: string): void {
    this.#head = Math.max(this.#head, seq)
    const next = this.#tree.size + this.#recent.length + 1
    if (seq === next && this.#recent.length < this.#limits.recentLeaves) this.#recent.push(leafHash(event))
  }

  #wake(): void {
    this.#again = true
    if (this.#pump !== null || this.#stopped) return
    this.#pump = this.#run().finally(() => {
      this.#pump = null
    })
  }

  /** What uses the tree does so alone. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => {})
    return result
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false
      try {
        await this.#exclusive(() => this.#step())
        this.#failing = false
      } catch (error) {
        this.#failed(error)
        return
      }
    }
  }

  #failed(error: unknown): void {
    if (this.#stopped) return
    if (!this.#failing)
      this.#options.logger.warn({ err: error }, 'audit: checkpoints wait; what failed is tried again')
    this.#failing = true
    this.#retry ??= setTimeout(() => {
      this.#retry = null
      this.#wake()
    }, this.#limits.retryMs)
    this.#retry.unref()
  }

  async #step(): Promise<void> {
    if (!(await this.#publishKey())) return
    await this.#confirmAll()
    if (this.#options.isLeader() && this.#rewritten === null && this.#isDue())
      await this.#proposeOnce(() => this.#make())
  }

  /** @returns whether the key stands in the node's row */
  async #publishKey(): Promise<boolean> {
    const { node, signer, state, alerts } = this.#options
    const own = encodeKey(cosignerKey({ origin: this.origin(), node, publicKey: signer.publicKey }))
    const row = state.nodes().find(({ id }) => id === node)
    if (row === undefined) return false
    if (row.auditKey === own) {
      this.#published = true
      alerts.clear('audit-key')
      return true
    }
    if (this.#published) {
      alerts.raise(
        'alert',
        'audit-key',
        `Somebody replaced the key by which this node (${row.name}) signs checkpoints of the audit log. Find the event audit.key-published and who made it, then restart the node: it publishes its own key again.`,
      )
      return false
    }
    await this.#propose('audit.key', systemActor, { node, key: own })
    this.#published = true
    return true
  }

  /** Looks at every checkpoint that it has not looked at, in order. */
  async #confirmAll(): Promise<void> {
    const { state } = this.#options
    for (;;) {
      const stored = state.after(this.#confirmed)
      if (stored === null || this.#stopped) return
      await this.#advance(stored.size)
      await this.#confirm(stored, state.after(stored.size) === null)
      this.#confirmed = stored.size
    }
  }

  async #confirm(stored: StoredCheckpoint, isNewest: boolean): Promise<void> {
    const { node, signer, clock } = this.#options
    const signed = this.#read(stored)
    if (signed === null) {
      this.#stopSigning(stored.size)
      return
    }
    const cosigner = cosignerKey({ origin: signed.origin, node, publicKey: signer.publicKey })
    const isOwn = signed.lines.some(
      (line) => isBy(line, cosigner) || isBy(line, logKey(signed.origin, cosigner)),
    )
    const root = this.#tree.root()
    if (!root.equals(signed.root)) {
      if (isOwn) this.#stopSigning(stored.size)
      await this.#dispute(stored.size, root)
    } else if (isNewest && !isOwn && this.#rewritten === null) {
      const line = cosignCheckpoint(signed, { node, signer, at: clock.now() })
      await this.#proposeOnce(() =>
        this.#propose('audit.cosign', systemActor, { size: stored.size, node, line }),
      )
    }
  }

  /** A stored checkpoint; null when it is not as the state machine stored it. */
  #read(stored: StoredCheckpoint): (Checkpoint & Note) | null {
    try {
      const signed = readCheckpoint(stored.note)
      const keys = this.#options.state.nodes().flatMap(({ auditKey }) => auditKey ?? [])
      const fits = signed.size === stored.size && signed.root.equals(stored.root)
      return fits && signaturesOf(signed, keys) !== null ? signed : null
    } catch (error) {
      if (error instanceof SyntaxError) return null
      throw error
    }
  }

  #stopSigning(size: number): void {
    if (this.#rewritten !== null) return
    this.#rewritten = size
    this.#options.alerts.raise('alert', 'audit-rewritten', rewrittenText(size))
  }

  async #dispute(size: number, own: Buffer): Promise<void> {
    const { node, logger, state } = this.#options
    const root = own.toString('base64')
    if (state.disputes().some((each) => each.node === node)) return
    logger.error({ size, root }, 'audit: the events of this node are not those of the checkpoint')
    await this.#proposeOnce(() => this.#propose('audit.disputed', systemActor, { size, node, root }))
  }

  #propose: Proposer['propose'] = (name, actor, payload) =>
    Promise.race([this.#options.proposer.propose(name, actor, payload), this.#stop.promise])

  /** A refusal is final: the checkpoint is gone, or the line stands there already. Anything else is tried again. */
  async #proposeOnce(propose: () => Promise<unknown>): Promise<void> {
    try {
      await propose()
    } catch (error) {
      if (!isRefusal(error)) throw error
      this.#options.logger.warn({ err: error }, 'audit: the word of this node on a checkpoint was refused')
    }
  }

  #isDue(): boolean {
    const { state, clock } = this.#options
    const newest = state.newest()
    const news = this.#head - (newest?.size ?? 0)
    if (news <= 0) return false
    return news >= this.#limits.newsEvents || clock.now() - (newest?.at ?? 0) >= this.#limits.newsMs
  }

  /** Signs everything up to the newest event; what does not fit into memory is left to the next. */
  async #make(): Promise<void> {
    const { node, signer } = this.#options
    await this.#confirmAll()
    if (this.#rewritten !== null) return
    await this.#fill()
    if (this.#recent.length === 0) return
    const tree = this.#tree.clone()
    for (const leaf of this.#recent) tree.append(leaf)
    const made: Checkpoint = { origin: this.origin(), size: tree.size, root: tree.root() }
    const line = signCheckpoint(made, signer)
    const root = made.root.toString('base64')
    await this.#propose('audit.checkpoint', systemActor, { ...made, root, node, line })
  }

  /** Brings the tree to a size that the events have. */
  async #advance(size: number): Promise<void> {
    while (this.#tree.size < size) {
      if (this.#recent.length === 0) await this.#fill(size)
      const taken = this.#recent.splice(0, size - this.#tree.size)
      for (const leaf of taken) this.#tree.append(leaf)
    }
  }

  /** Reads the hashes of events behind the tree, one page or as many as fit. */
  async #fill(size?: number): Promise<void> {
    const { readLeaves } = this.#options
    const { recentLeaves, pageLeaves } = this.#limits
    for (;;) {
      const next = this.#tree.size + this.#recent.length + 1
      const wanted = (size ?? this.#head) - next + 1
      const limit = Math.min(wanted, pageLeaves, recentLeaves - this.#recent.length)
      if (limit <= 0) return
      const leaves = await readLeaves(next, limit)
      if (leaves.length === 0) throw new Error(`the database lacks the audit event ${next}`)
      // Commits that came meanwhile may have brought the same events.
      const known = this.#tree.size + this.#recent.length + 1 - next
      for (const leaf of leaves.slice(known)) this.#recent.push(leaf)
      if (size !== undefined) return
    }
  }

  #showDisputes(): void {
    const { state, alerts } = this.#options
    const disputes = state.disputes()
    if (disputes.length === 0) {
      alerts.clear('audit-disputed')
      return
    }
    const names = new Map(state.nodes().map(({ id, name }) => [id, name]))
    const told = disputes.map(({ node, size }) => `${names.get(node) ?? node} (at ${size} events)`).join(', ')
    alerts.raise(
      'alert',
      'audit-disputed',
      `The audit history of a node is not that of the checkpoint that another one signed. Nodes that disagree: ${told}. Run 'holdfast audit verify' on every node, keep the data folder of the one that does not verify as evidence, and restore that node from another.`,
    )
  }
}

const rewrittenText = (size: number) =>
  `The audit history of this node is not the one that was signed at ${size} events: somebody changed it. It signs no checkpoints any more. Keep the data folder as evidence, run 'holdfast audit verify', and restore the node from another node or a backup.`

/** What the state machine refuses stays refused; trouble of the log passes. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof HoldfastError &&
    ['bad-request', 'conflict', 'not-found', 'too-large'].includes(error.code)
  )
}
