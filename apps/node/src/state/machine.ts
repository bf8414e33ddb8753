import { createHash } from 'node:crypto'
import { HoldfastError } from '@holdfast/api/contract/errors'
import Database from 'better-sqlite3'
import {
  applyDelete,
  applyEdit,
  applyMarks,
  applyMessage,
  EntryWriter,
} from '../services/messaging/commands.ts'
import { applySeen } from '../services/presence/commands.ts'
import { Applying } from './applying.ts'
import { beginBranch, branchSetting } from './branches.ts'
import { asCommand } from './command-shape.ts'
import { type Batch, commandTypes, systemActor } from './commands.ts'
import { Directory } from './directory.ts'
import type { Effect } from './effects.ts'
import { handlers } from './handlers.ts'
import { type LogEntry, type LogPosition, Sequencer } from './sequencer.ts'

/** A command's result, or its refusal as [code, message]. */
export type Outcome = { value: unknown } | { refused: [code: string, message: string] }

export interface Applied {
  batch: Batch
  index: number
  chain: Buffer
  at: number
  /** One for each command; a plain message's is its sequence. */
  outcomes: (number | Outcome)[]
  effects: Effect[]
}

/** Messages after which the state chain is written into the audit log, at the latest. */
const sealMessages = 1000
/** Time after which a message not yet covered by the audit log is, with the next message. */
const sealMs = 600_000
const sealAction = 'log.sealed'

/** The replicated state machine: applies batches in log order, each in one transaction. It knows no clock and no network. */
export class StateMachine {
  readonly directory: Directory
  index = 0
  chain: Buffer = Buffer.alloc(32)
  private readonly db: Database.Database
  private readonly applying: Applying
  private readonly entries: EntryWriter
  private readonly sequencer: Sequencer
  private lastAt = 0
  /** Entries that the audit log covers, and when it was told. Read from the state, so that a restart changes nothing. */
  private sealed = { entries: 0, at: 0 }
  private entryCount = 0

  constructor(db: Database.Database) {
    this.db = db
    this.directory = new Directory(db)
    this.applying = new Applying(db, this.directory)
    this.entries = new EntryWriter(this.applying)
    this.sequencer = new Sequencer(db)
  }

  /** How far a cluster's log is applied; null on a node that never was in one. */
  get position(): LogPosition | null {
    return this.sequencer.position
  }

  /** Reads the state as of the last applied batch. */
  load(): void {
    this.db
      .prepare(
        'INSERT INTO applied (id, "index", chain, at, auditSeq, auditHash) VALUES (1, 0, ?, 0, 0, ?) ON CONFLICT DO NOTHING',
      )
      .run(Buffer.alloc(32), Buffer.alloc(32))
    const row = this.db.prepare('SELECT * FROM applied WHERE id = 1').get() as {
      index: number
      chain: Buffer
      at: number
      auditSeq: number
      auditHash: Buffer
    }
    this.index = row.index
    this.chain = row.chain
    this.lastAt = row.at
    this.sealed = this.readSealed()
    // Channels are never deleted and heads never go back, so this is the number of entries ever stored.
    this.entryCount = this.db.prepare('SELECT coalesce(sum(head), 0) FROM channel').pluck().get() as number
    this.applying.auditSeq = row.auditSeq
    this.applying.auditHash = row.auditHash
    this.directory.load()
    this.entries.reset()
    this.sequencer.load()
  }

  /**
   * Applies one batch; `text` is its exact encoding, which the state chain covers.
   * @throws the database's error when the transaction could not be committed; nothing of the batch then happened.
   */
  apply(text: string): Applied {
    return this.transaction(() => this.applyBatch(text, JSON.parse(text) as Batch))
  }

  /**
   * Applies entries of a cluster's log in one transaction, and remembers how far it has come.
   * @returns the batches that were applied: fewer when entries repeat, more when one lets others go that waited
   * @throws LogGapError when an entry is missing; the database's error as `apply`. Nothing of the entries then happened.
   */
  applyEntries(entries: readonly LogEntry[]): Applied[] {
    return this.transaction(() => {
      const applied: Applied[] = []
      for (const entry of entries)
        for (const { text, batch } of this.sequencer.accept(entry)) applied.push(this.applyBatch(text, batch))
      this.sequencer.storePosition()
      return applied
    })
  }

  /**
   * Takes up a cluster's log where the state as it is stands in it. `survivor`: without the other nodes, which may have
   * confirmed more than this one has.
   */
  adopt(
    generation: string,
    {
      revision,
      versions,
      survivor,
    }: { revision: number; versions: Record<string, number>; survivor: boolean },
  ): void {
    this.transaction(() => {
      this.sequencer.adopt(generation, revision, versions)
      if (survivor) beginBranch(this.db, { id: generation, at: this.lastAt })
    })
    if (survivor) this.directory.refresh('setting', branchSetting)
  }

  /** Belongs to no cluster's log any more, for a state that goes on alone on another machine. */
  leave(): void {
    this.transaction(() => this.sequencer.leave())
  }

  private transaction<T>(work: () => T): T {
    try {
      this.db.exec('BEGIN IMMEDIATE')
      const result = work()
      this.db.exec('COMMIT')
      return result
    } catch (error) {
      if (this.db.inTransaction) this.db.exec('ROLLBACK')
      this.load()
      throw error
    }
  }

  private applyBatch(text: string, batch: Batch): Applied {
    const { applying } = this
    const effects: Effect[] = []
    const outcomes: (number | Outcome)[] = []
    applying.effects = effects
    // Whole milliseconds that never go back, whatever the origin's clock says.
    applying.at = Math.max(Math.trunc(batch.at) || 0, this.lastAt)
    for (const command of batch.c) outcomes.push(this.applyOne(command))
    this.entries.flush()
    const chain = createHash('sha256')
      .update(this.chain)
      .update(text)
      .update(digestOf(outcomes))
      .update(applying.auditHash)
      .digest()
    this.seal(chain)
    applying.run(
      'UPDATE applied SET "index" = ?, chain = ?, at = ?, auditSeq = ?, auditHash = ? WHERE id = 1',
      this.index + 1,
      chain,
      applying.at,
      applying.auditSeq,
      applying.auditHash,
    )
    this.chain = chain
    this.index += 1
    this.lastAt = applying.at
    return { batch, index: this.index, chain, at: applying.at, outcomes, effects }
  }

  private applyOne(value: unknown): number | Outcome {
    const command = asCommand(value)
    if (command === null) return unknownCommand
    try {
      switch (command[0]) {
        case commandTypes.message:
          return applyMessage(this.entries, command)
        case commandTypes.edit:
          return { value: applyEdit(this.entries, command) }
        case commandTypes.delete:
          return { value: applyDelete(this.entries, command) }
        case commandTypes.marks:
          applyMarks(this.applying, command)
          return { value: null }
        case commandTypes.seen:
          applySeen(this.applying, command)
          return { value: null }
        case commandTypes.control:
          return this.applyControl(command[1], command[2], command[3])
      }
    } catch (error) {
      if (error instanceof HoldfastError) return { refused: [error.code, error.message] }
      throw error
    }
  }

  /** A control command that is refused half-way leaves nothing behind: rows, effects and audit chain go back. */
  private applyControl(
    name: string,
    actor: Parameters<(typeof handlers)[string]>[2],
    payload: unknown,
  ): Outcome {
    const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined
    if (handler === undefined)
      return {
        refused: ['internal', `This node does not know the command ${name}; it runs an older version.`],
      }
    const { applying } = this
    const before = {
      effects: applying.effects.length,
      auditSeq: applying.auditSeq,
      auditHash: applying.auditHash,
    }
    this.entries.flush()
    this.db.exec('SAVEPOINT control')
    try {
      const value = handler(applying, payload, actor)
      this.db.exec('RELEASE control')
      return { value: value ?? null }
    } catch (error) {
      if (isOfThisNode(error)) throw error
      this.db.exec('ROLLBACK TO control')
      this.db.exec('RELEASE control')
      const undone = applying.effects.splice(before.effects)
      for (const effect of undone) if (effect.e === 'changed') this.directory.refresh(effect.kind, effect.id)
      applying.auditSeq = before.auditSeq
      applying.auditHash = before.auditHash
      if (error instanceof HoldfastError) return { refused: [error.code, error.message] }
      const why = error instanceof Error ? error.message : String(error)
      return { refused: ['internal', `The command ${name} is not what it should be: ${why}`] }
    }
  }

  /** Ties messages to the audit log: the state chain covers every command up to here, the audit log covers the chain. */
  private seal(chain: Buffer): void {
    const added = this.entries.takeCount()
    this.entryCount += added
    if (added === 0) return
    const { applying, sealed } = this
    const entries = this.entryCount - sealed.entries
    if (entries < sealMessages && applying.at - sealed.at < sealMs) return
    applying.audit(systemActor, {
      action: sealAction,
      target: 'log',
      detail: { index: this.index + 1, chain: chain.toString('hex'), entries, total: this.entryCount },
    })
    this.sealed = { entries: this.entryCount, at: applying.at }
  }

  private readSealed(): { entries: number; at: number } {
    const text = this.db
      .prepare('SELECT event FROM audit_event WHERE action = ? AND actor = ? ORDER BY seq DESC LIMIT 1')
      .pluck()
      .get(sealAction, systemActor.id) as string | undefined
    if (text === undefined) return { entries: 0, at: 0 }
    const { at, detail } = JSON.parse(text) as { at: number; detail: { total?: number } | null }
    return { entries: detail?.total ?? 0, at }
  }
}

/** What came of a batch, as the state chain covers it: sequences, and the codes of refusals, whatever their wording. */
function digestOf(outcomes: readonly (number | Outcome)[]): string {
  return outcomes
    .map((outcome) => {
      if (typeof outcome === 'number') return outcome
      if ('refused' in outcome) return outcome.refused[0]
      return (outcome.value as { seq?: number } | null)?.seq ?? '+'
    })
    .join(',')
}

const unknownCommand: Outcome = {
  refused: ['internal', 'This node does not know the command; it runs an older version.'],
}

/**
 * Whether the error is this node's own trouble (a full or broken disk) and not a property of the command. Then the batch
 * is not applied here; a command that cannot be applied anywhere is refused instead, on every node alike.
 */
function isOfThisNode(error: unknown): boolean {
  if (!(error instanceof Database.SqliteError)) return false
  return !error.code.startsWith('SQLITE_CONSTRAINT') && error.code !== 'SQLITE_TOOBIG'
}
