/** Nodes that apply the same commands, each with its own database, key and checkpointer; and a hand that rewrites history. */
import { type ErrorCode, HoldfastError } from '@holdfast/api/contract/errors'
import type Database from 'better-sqlite3'
import type { Proposer } from '../../log/proposer.ts'
import { commandTypes, systemActor } from '../../state/commands.ts'
import { TestMachine } from '../../state/machine-fixture.ts'
import { TestClock } from '../../trust/test-clock.ts'
import { Alerts } from '../overview/alerts.ts'
import { genesisHash, nextHash } from './chain.ts'
import { checkpointState } from './checkpoint-state.ts'
import { Checkpointer, type CheckpointerOptions } from './checkpointer.ts'
import { leafHash } from './merkle.ts'
import type { Signer } from './signed-note.ts'
import { QuietLogger } from './test-log.ts'
import { testSigner } from './test-signer.ts'

export const testFingerprint = 'ab'.repeat(32)
/** Waits for what runs without timers: everything here settles within a few turns. */
const settleTurns = 200

export class TestCluster implements AsyncDisposable {
  readonly clock = new TestClock()
  readonly nodes: ClusterNode[]
  leader = 0
  #applied = 0

  constructor(count: number) {
    this.nodes = Array.from({ length: count }, (_, i) => new ClusterNode(this, `n_${i + 1}`))
    for (const { machine } of this.nodes) {
      machine.setUp()
      const insert = machine.db.prepare(
        "INSERT INTO node (id, name, fingerprint, certificate, addedAt) VALUES (?, ?, '', '', 0)",
      )
      for (let i = 2; i <= count; i++) insert.run(`n_${i}`, `node${i}`)
    }
  }

  /** Commands in one batch, on every node; the outcomes of the first. */
  apply(commands: readonly unknown[]): unknown[] {
    this.#applied += 1
    let outcomes: unknown[] = []
    for (const [i, node] of this.nodes.entries()) {
      const applied = node.machine.apply(commands, this.clock.now())
      if (i === 0) outcomes = applied.outcomes
      node.commit(applied)
    }
    return outcomes
  }

  /** Events that all differ. */
  events(count: number): void {
    const event = (n: number) => [
      commandTypes.control,
      'audit.used',
      systemActor,
      { action: 'audit.verified', detail: { n } },
    ]
    this.apply(Array.from({ length: count }, (_, i) => event(this.#applied * 1000 + i)))
  }

  /** Until nothing is proposed any more. */
  async settle(): Promise<void> {
    for (let quiet = 0, before = this.#applied; quiet < settleTurns; quiet++) {
      await new Promise((resolve) => setImmediate(resolve))
      if (this.#applied !== before) quiet = 0
      before = this.#applied
    }
  }

  async start(): Promise<this> {
    for (const node of this.nodes) node.start()
    await this.settle()
    return this
  }

  node(i: number): ClusterNode {
    const node = this.nodes[i]
    if (node === undefined) throw new RangeError(`no node ${i}`)
    return node
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) {
      await node.checkpointer.stop()
      node.machine[Symbol.dispose]()
    }
  }
}

export class ClusterNode {
  readonly id: string
  readonly machine = new TestMachine()
  readonly alerts: Alerts
  signer: Signer = testSigner()
  checkpointer: Checkpointer
  /** Makes proposals of this node fail. */
  failure: HoldfastError | null = null
  readonly #cluster: TestCluster

  constructor(cluster: TestCluster, id: string) {
    this.#cluster = cluster
    this.id = id
    this.alerts = new Alerts(cluster.clock)
    this.checkpointer = this.#build()
  }

  #build(): Checkpointer {
    const cluster = this.#cluster
    const propose = async (name: string, actor: unknown, payload: unknown) => {
      await Promise.resolve()
      if (this.failure !== null) throw this.failure
      const [outcome] = cluster.apply([[commandTypes.control, name, actor, payload]])
      const { refused } = outcome as { refused?: [ErrorCode, string] }
      if (refused) throw new HoldfastError(refused[0], refused[1])
      return (outcome as { value: unknown }).value
    }
    const options: CheckpointerOptions = {
      node: this.id,
      signer: this.signer,
      caFingerprint: () => testFingerprint,
      proposer: { propose: propose as Proposer['propose'] },
      state: {
        head: () => this.state().head(),
        newest: () => this.state().newest(),
        after: (size) => this.state().after(size),
        covering: (size) => this.state().covering(size),
        nodes: () => this.state().nodes(),
        disputes: () => this.state().disputes(),
      },
      isLeader: () => cluster.node(cluster.leader) === this,
      readLeaves: async (fromSeq, limit) =>
        this.machine.db
          .prepare('SELECT event FROM audit_event WHERE seq >= ? ORDER BY seq LIMIT ?')
          .pluck()
          .all(fromSeq, limit)
          .map((event) => leafHash(event as string)),
      alerts: this.alerts,
      clock: cluster.clock,
      logger: new QuietLogger() as unknown as CheckpointerOptions['logger'],
      limits: { newsEvents: 20, recentLeaves: 64, pageLeaves: 5, tickMs: 5, retryMs: 5 },
    }
    return new Checkpointer(options)
  }

  state() {
    return checkpointState(this.machine.db, this.machine.machine.directory)
  }

  commit(applied: Parameters<Checkpointer['committed']>[0]): void {
    this.checkpointer.committed(applied)
  }

  start(): void {
    this.checkpointer.start()
  }

  /** As a process that ends and starts again. */
  async restart(meanwhile: (db: Database.Database) => void = () => {}): Promise<void> {
    await this.checkpointer.stop()
    meanwhile(this.machine.db)
    this.machine.restart()
    this.checkpointer = this.#build()
    this.start()
    await this.#cluster.settle()
  }

  alertCodes(): string[] {
    return this.alerts.list().map(({ code }) => code)
  }
}

/**
 * What somebody with the database of a node can do: another history from an event on, with a chain that fits.
 * @param rewrite the new text of each event from `fromSeq` on; null: the event is left out, and the rest moves up
 */
export function rewriteHistory(
  db: Database.Database,
  fromSeq: number,
  rewrite: (event: Record<string, unknown>) => Record<string, unknown> | null,
): void {
  const rows = db.prepare('SELECT event, hash FROM audit_event ORDER BY seq').all() as {
    event: string
    hash: Buffer
  }[]
  const kept = rows.slice(0, fromSeq - 1)
  let hash = kept.at(-1)?.hash ?? genesisHash
  let seq = fromSeq - 1
  db.transaction(() => {
    db.prepare('DELETE FROM audit_event WHERE seq >= ?').run(fromSeq)
    const insert = db.prepare(
      'INSERT INTO audit_event (seq, at, actor, action, target, event, hash) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    for (const row of rows.slice(fromSeq - 1)) {
      const changed = rewrite(JSON.parse(row.event) as Record<string, unknown>)
      if (changed === null) continue
      seq += 1
      const event = JSON.stringify({ ...changed, seq })
      hash = nextHash(hash, event)
      insert.run(seq, changed.at, changed.actor, changed.action, changed.target, event, hash)
    }
    db.prepare('UPDATE applied SET auditSeq = ?, auditHash = ?').run(seq, hash)
  })()
}
