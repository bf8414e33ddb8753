/** A small audit log for tests: rows, the database that holds them, and the files written from them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clusterMigrations, migrate, openDatabase } from '@holdfast/db'
import { type AuditEventFields, encodeEvent, genesisHash, nextHash } from './chain.ts'
import type { AuditRow } from './segment-format.ts'
import { AuditSegments, type AuditSegmentsOptions } from './segments.ts'

export function eventFields(seq: number, change: Partial<AuditEventFields> = {}): AuditEventFields {
  return {
    seq,
    at: 1_700_000_000_000 + seq,
    actor: 'p_ada',
    actorName: 'Ada Löwe',
    action: 'channel.add',
    target: `c_${seq}`,
    outcome: 'done',
    remote: '10.0.0.7',
    detail: { name: `room ${seq}`, note: 'x'.repeat((seq * 7) % 40) },
    ...change,
  }
}

/** Rows of a chain that is whole. */
export function makeRows(count: number): AuditRow[] {
  const rows: AuditRow[] = []
  let hash = genesisHash
  for (let seq = 1; seq <= count; seq++) {
    const event = encodeEvent(eventFields(seq))
    hash = nextHash(hash, event)
    rows.push({ seq, event, hash })
  }
  return rows
}

export function readFrom(rows: readonly AuditRow[]): AuditSegmentsOptions['readRows'] {
  return (fromSeq, limit) => rows.slice(fromSeq - 1, fromSeq - 1 + limit)
}

/** Says nothing, and keeps what was said. */
export class QuietLogger {
  readonly said: string[] = []
  readonly info = (...line: unknown[]): void => this.#keep(line)
  readonly warn = (...line: unknown[]): void => this.#keep(line)
  readonly error = (...line: unknown[]): void => this.#keep(line)

  #keep(line: unknown[]): void {
    this.said.push(line.filter((part) => typeof part === 'string').join(' '))
  }
}

export interface TestFolder extends AsyncDisposable {
  path: string
  /** Folder of the segment files. */
  audit: string
  database: string
}

export async function testFolder(): Promise<TestFolder> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-audit-'))
  return {
    path,
    audit: join(path, 'audit'),
    database: join(path, 'cluster.db'),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

export function segmentsOf(
  folder: TestFolder,
  rows: readonly AuditRow[],
  options: Partial<AuditSegmentsOptions> = {},
): AuditSegments {
  return new AuditSegments({
    directory: folder.audit,
    readRows: readFrom(rows),
    logger: new QuietLogger() as unknown as AuditSegmentsOptions['logger'],
    facility: () => 'Werk Süd',
    segmentBytes: 1200,
    gatherMs: 0,
    retryMinMs: 1,
    ...options,
  })
}

/** Writes the files from the rows. */
export async function writeSegments(folder: TestFolder, rows: readonly AuditRow[]): Promise<void> {
  const segments = segmentsOf(folder, rows)
  await segments.start()
  await segments.flush()
  await segments[Symbol.asyncDispose]()
}

/** Makes a cluster database with these rows, as the state machine leaves it. */
export function writeDatabase(folder: TestFolder, rows: readonly AuditRow[]): void {
  const db = openDatabase(folder.database, { role: 'writer' })
  try {
    migrate(db, clusterMigrations)
    const insert = db.prepare(
      'INSERT INTO audit_event (seq, at, actor, action, target, event, hash) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    const last = rows.at(-1)
    db.transaction(() => {
      for (const { seq, event, hash } of rows) {
        const { at, actor, action, target } = JSON.parse(event) as AuditEventFields
        insert.run(seq, at, actor, action, target, event, hash)
      }
      db.prepare(
        'INSERT OR REPLACE INTO applied (id, "index", chain, at, auditSeq, auditHash) VALUES (1, 1, ?, 1, ?, ?)',
      ).run(Buffer.alloc(32), last?.seq ?? 0, last?.hash ?? genesisHash)
    })()
  } finally {
    db.close()
  }
}
