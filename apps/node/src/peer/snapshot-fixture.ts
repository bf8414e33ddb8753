/** Data folders with a database whose content tells which one it is, for tests of snapshots. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clusterMigrations, migrate, openDatabase } from '@holdfast/db'
import type Database from 'better-sqlite3'
import { encodeEvent, genesisHash, nextHash } from '../services/audit/chain.ts'
import type { AuditRow } from '../services/audit/segment-format.ts'
import { eventFields } from '../services/audit/test-log.ts'
import { generation } from './peer-fixture.ts'
import type { HeldSnapshot, SnapshotSource } from './snapshot-sender.ts'

export interface DatabaseContent {
  /** Value of the setting `mark`. */
  mark: string
  revision?: number
  generation?: string
  audit?: readonly AuditRow[]
  /** Messages of 300 bytes. */
  messages?: number
}

export class TestFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'holdfast-snapshot-'))
  readonly databaseFile = join(this.path, 'cluster.db')

  /** Opens the database, making it when missing, and writes the content. */
  open(content: DatabaseContent): Database.Database {
    const db = openDatabase(this.databaseFile, { role: 'writer', synchronous: 'NORMAL' })
    migrate(db, clusterMigrations)
    write(db, content)
    return db
  }

  fill(content: DatabaseContent): this {
    this.open(content).close()
    return this
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

export function write(db: Database.Database, content: DatabaseContent): void {
  const { mark, revision = 7, audit = [], messages = 0 } = content
  db.transaction(() => {
    setMark(db, mark, revision, content.generation ?? generation)
    const event = db.prepare(
      'INSERT INTO audit_event (seq, at, actor, action, target, event, hash) VALUES (?, 0, ?, ?, ?, ?, ?)',
    )
    for (const row of audit) event.run(row.seq, '', '', '', row.event, row.hash)
    const message = db.prepare('INSERT INTO message (key, sender, clientId, at, body) VALUES (?, 1, ?, 0, ?)')
    for (let i = 1; i <= messages; i++) message.run(i, `m${i}`, `${mark} `.padEnd(300, String(i)))
  })()
}

/** One transaction: the mark, the position in the log and the index say the same. */
export function setMark(db: Database.Database, mark: string, revision: number, log = generation): void {
  db.transaction(() => {
    db.prepare('INSERT OR REPLACE INTO setting (key, value, updatedAt) VALUES (?, ?, 0)').run('mark', mark)
    db.prepare(
      'INSERT OR REPLACE INTO log_position (id, generation, revision, versions) VALUES (1, ?, ?, ?)',
    ).run(log, revision, '{}')
    db.prepare(
      'INSERT OR REPLACE INTO applied (id, "index", chain, at, auditSeq, auditHash) VALUES (1, ?, ?, 0, 0, ?)',
    ).run(revision, createHash('sha256').update(String(revision)).digest(), Buffer.alloc(32))
  })()
}

/** What the database in the folder says, after it was found whole. */
export function markOf(databaseFile: string): { mark: string; revision: number } {
  const db = openDatabase(databaseFile, { role: 'reader' })
  try {
    const sound = db.pragma('integrity_check', { simple: true })
    if (sound !== 'ok') throw new Error(`the database is damaged: ${sound}`)
    return {
      mark: db.prepare("SELECT value FROM setting WHERE key = 'mark'").pluck().get() as string,
      revision: db.prepare('SELECT revision FROM log_position').pluck().get() as number,
    }
  } finally {
    db.close()
  }
}

/** Rows of a chain whose events from `from` on differ by `variant` from another chain's. */
export function auditRows(count: number, { from = 1, variant = '' } = {}): AuditRow[] {
  const rows: AuditRow[] = []
  let hash = genesisHash
  for (let seq = 1; seq <= count; seq++) {
    const event = encodeEvent(eventFields(seq, seq >= from && variant !== '' ? { target: variant } : {}))
    hash = nextHash(hash, event)
    rows.push({ seq, event, hash })
  }
  return rows
}

/** Serves a file as it is, with facts that a test may get wrong. */
export function sourceOf(file: string, lies: Partial<HeldSnapshot> = {}) {
  const chain = (revision: number) => createHash('sha256').update(String(revision)).digest('hex')
  const revision = lies.revision ?? 7
  const state = { released: 0 }
  const source: SnapshotSource = {
    take: async () => ({
      file,
      generation,
      revision,
      index: revision,
      chain: chain(revision),
      bytes: statSync(file).size,
      sha256: createHash('sha256').update(readFileSync(file)).digest('hex'),
      ...lies,
      release: () => {
        state.released += 1
      },
    }),
  }
  return { source, state }
}
