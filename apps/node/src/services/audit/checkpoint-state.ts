import type Database from 'better-sqlite3'
import type { Directory } from '../../state/directory.ts'
import { type Dispute, disputesSetting } from './commands.ts'

/** A row of the table checkpoint. */
export interface StoredCheckpoint {
  size: number
  root: Buffer
  /** Milliseconds since 1970. */
  at: number
  note: string
}

export interface CheckpointNode {
  id: string
  name: string
  /** Its cosigner key as text; null when it has published none yet. */
  auditKey: string | null
}

/** What the replicated state says about checkpoints; reads only. */
export interface CheckpointState {
  /** Sequence of the newest audit event. */
  head(): number
  newest(): StoredCheckpoint | null
  /** The smallest checkpoint of more than `size` events. */
  after(size: number): StoredCheckpoint | null
  /** The smallest one of at least `size` events. */
  covering(size: number): StoredCheckpoint | null
  nodes(): CheckpointNode[]
  disputes(): Dispute[]
}

export function checkpointState(db: Database.Database, directory: Directory): CheckpointState {
  const head = db.prepare('SELECT auditSeq FROM applied').pluck()
  const newest = db.prepare('SELECT * FROM checkpoint ORDER BY size DESC LIMIT 1')
  const covering = db.prepare('SELECT * FROM checkpoint WHERE size >= ? ORDER BY size LIMIT 1')
  const nodes = db.prepare('SELECT id, name, auditKey FROM node ORDER BY name')
  const atLeast = (size: number) => (covering.get(size) as StoredCheckpoint | undefined) ?? null
  return {
    head: () => (head.get() as number | undefined) ?? 0,
    newest: () => (newest.get() as StoredCheckpoint | undefined) ?? null,
    after: (size) => atLeast(size + 1),
    covering: atLeast,
    nodes: () => nodes.all() as CheckpointNode[],
    disputes: () => directory.setting<Dispute[]>(disputesSetting, []),
  }
}
