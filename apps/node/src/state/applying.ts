import { type ErrorCode, HoldfastError } from '@holdfast/api/contract/errors'
import type Database from 'better-sqlite3'
import { encodeEvent, nextHash } from '../services/audit/chain.ts'
import type { Actor } from './commands.ts'
import type { Directory } from './directory.ts'
import type { Effect, RecordKind } from './effects.ts'

export interface AuditFields {
  action: string
  target: string
  detail?: Record<string, unknown>
  outcome?: 'done' | 'refused'
}

/** Refuses the command at hand; the same on every node. */
export function refuse(code: ErrorCode, message: string): never {
  throw new HoldfastError(code, message)
}

/**
 * What a handler may touch while a command is applied: the open transaction, the directory, the time of the batch,
 * the audit chain and the effects. Nothing else, so that apply stays deterministic.
 */
export class Applying {
  readonly db: Database.Database
  readonly directory: Directory
  /** Milliseconds since 1970 of the batch at hand; never goes back. */
  at = 0
  effects: Effect[] = []
  auditSeq = 0
  auditHash: Buffer = Buffer.alloc(32)
  private readonly statements = new Map<string, Database.Statement>()

  constructor(db: Database.Database, directory: Directory) {
    this.db = db
    this.directory = directory
  }

  run(sql: string, ...args: unknown[]): Database.RunResult {
    return this.statement(sql).run(...args)
  }

  get<T>(sql: string, ...args: unknown[]): T | undefined {
    return this.statement(sql).get(...args) as T | undefined
  }

  all<T>(sql: string, ...args: unknown[]): T[] {
    return this.statement(sql).all(...args) as T[]
  }

  /** Says that a record's rows changed: later commands of the batch and, after the commit, the node see it. */
  changed(kind: RecordKind, id: string): void {
    this.directory.refresh(kind, id)
    this.effects.push({ e: 'changed', kind, id })
  }

  /** Adds an event to the audit log, in the same transaction as the change. */
  audit(actor: Actor, { action, target, detail = {}, outcome = 'done' }: AuditFields): void {
    const seq = this.auditSeq + 1
    const event = encodeEvent({
      seq,
      at: this.at,
      actor: actor.id,
      actorName: actor.name,
      action,
      target,
      outcome,
      remote: actor.remote,
      detail,
    })
    const hash = nextHash(this.auditHash, event)
    this.run(
      'INSERT INTO audit_event (seq, at, actor, action, target, event, hash) VALUES (?, ?, ?, ?, ?, ?, ?)',
      seq,
      this.at,
      actor.id,
      action,
      target,
      event,
      hash,
    )
    this.auditSeq = seq
    this.auditHash = hash
    this.effects.push({ e: 'audit', seq, event, hash })
  }

  private statement(sql: string): Database.Statement {
    let statement = this.statements.get(sql)
    if (statement === undefined) {
      statement = this.db.prepare(sql)
      this.statements.set(sql, statement)
    }
    return statement
  }
}

export type Handler<P> = (applying: Applying, payload: P, actor: Actor) => unknown
