/**
 * Makes or checks a copy of cluster.db, in a thread of its own with a lesser claim to the processor.
 *
 * Making: 1 a read transaction holds one state of the database · 2 its pages are copied in small steps, flushed as they
 * go, so that the writer's own flush never waits behind a gigabyte · 3 the transaction ends, and this thread, not the writer,
 * brings the write-ahead log into the database · 4 the copy is hashed.
 */
import { createHash } from 'node:crypto'
import { closeSync, fdatasyncSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { clusterMigrations, openDatabase } from '@holdfast/db'
import type Database from 'better-sqlite3'
import { lowerPriority } from '../platform/low-priority.ts'
import type { SnapshotFacts } from './snapshot-sender.ts'

export type SnapshotTask =
  | {
      task: 'make'
      databaseFile: string
      /** A new, empty file for the copy. */
      target: string
      bounds: MakeBounds
    }
  | { task: 'check'; file: string }

export interface MakeBounds {
  stepPages: number
  flushBytes: number
  bytesPerSecond: number
  hurryWalBytes: number
  walBytes: number
  checkpointTries: number
}

/** Position of a database in the log, and whether it is sound. */
export type DatabaseFacts = Omit<SnapshotFacts, 'bytes' | 'sha256'>
export type SnapshotTaskResult =
  /** The copy stands, and the write-ahead log is free again; what is left is hashing. */
  | { t: 'copied' }
  | { t: 'made'; facts: SnapshotFacts }
  | { t: 'checked'; facts: DatabaseFacts; problem: string | null }
  | { t: 'failed'; message: string; code: string }

/** The node's own threads come first, and yet it gets on: the longer it takes the more gathers in the write-ahead log. */
const niceness = 5
const readBytes = 1024 * 1024
const nowhere: DatabaseFacts = { generation: '', revision: 0, index: 0, chain: '' }

async function make(
  { databaseFile, target, bounds }: Extract<SnapshotTask, { task: 'make' }>,
  copied: () => void,
): Promise<SnapshotFacts> {
  const db = openDatabase(databaseFile, { role: 'reader' })
  let facts: DatabaseFacts
  try {
    db.exec('BEGIN')
    facts = positionOf(db)
    await copy(db, databaseFile, target, bounds)
    db.exec('COMMIT')
    bringIn(db, bounds.checkpointTries)
    copied()
  } finally {
    db.close()
  }
  return { ...facts, bytes: statSync(target).size, sha256: sha256Of(target) }
}

async function copy(
  db: Database.Database,
  databaseFile: string,
  target: string,
  bounds: MakeBounds,
): Promise<void> {
  const pageBytes = db.pragma('page_size', { simple: true }) as number
  const file = openSync(target, 'r')
  const startedAt = performance.now()
  let flushedBytes = 0
  try {
    await db.backup(target, {
      progress: ({ totalPages, remainingPages }) => {
        const bytes = (totalPages - remainingPages) * pageBytes
        if (bytes - flushedBytes >= bounds.flushBytes) {
          fdatasyncSync(file)
          flushedBytes = bytes
          if (walBytesOf(databaseFile) > bounds.walBytes)
            throw new Error('so much is written meanwhile that the write-ahead log would grow too large')
        }
        // What gathers in the write-ahead log costs more than the haste.
        if (walBytesOf(databaseFile) > bounds.hurryWalBytes) return bounds.stepPages
        const dueMs = startedAt + (bytes / bounds.bytesPerSecond) * 1000 - performance.now()
        if (dueMs > 0) sleep(dueMs)
        return bounds.stepPages
      },
    })
  } finally {
    closeSync(file)
  }
}

/**
 * While a copy is made nothing behind it can leave the write-ahead log. What gathered goes into the database here, in a
 * way that stops nobody (PASSIVE), or the writer's next commit would have to do it. SQLite flushes the database only when it
 * has caught up with the writer to the last page, so that is waited for: the flush, too, shall not be the writer's.
 */
function bringIn(db: Database.Database, tries: number): void {
  for (let i = 0; i < tries; i++) {
    const [done] = db.pragma('wal_checkpoint(PASSIVE)') as {
      busy: number
      log: number
      checkpointed: number
    }[]
    if (done === undefined || done.log === done.checkpointed) return
    sleep(1)
  }
}

/** Whether a file is a whole database of this version or an older one, and where in the log it stands. */
function check(file: string): { facts: DatabaseFacts; problem: string | null } {
  const db = openDatabase(file, { role: 'reader' })
  try {
    const sound = db.pragma('quick_check(1)', { simple: true })
    if (sound !== 'ok') return { facts: nowhere, problem: `it is damaged (${String(sound).slice(0, 200)})` }
    const known = new Set(readdirSync(clusterMigrations))
    const newer = (
      db.prepare('SELECT migration_name FROM _prisma_migrations').pluck().all() as string[]
    ).find((name) => !known.has(name))
    const problem = newer === undefined ? null : `it is of a newer version (migration ${newer})`
    return { facts: positionOf(db), problem }
  } finally {
    db.close()
  }
}

function positionOf(db: Database.Database): DatabaseFacts {
  const position = db.prepare('SELECT generation, revision FROM log_position WHERE id = 1').get() as
    | { generation: string; revision: number }
    | undefined
  const applied = db.prepare('SELECT "index", lower(hex(chain)) AS chain FROM applied WHERE id = 1').get() as
    | { index: number; chain: string }
    | undefined
  return { ...nowhere, ...position, ...applied }
}

function sha256Of(file: string): string {
  const hash = createHash('sha256')
  const chunk = Buffer.allocUnsafe(readBytes)
  const descriptor = openSync(file, 'r')
  try {
    for (;;) {
      const count = readSync(descriptor, chunk)
      if (count === 0) return hash.digest('hex')
      hash.update(chunk.subarray(0, count))
    }
  } finally {
    closeSync(descriptor)
  }
}

function walBytesOf(databaseFile: string): number {
  return statSync(`${databaseFile}-wal`, { throwIfNoEntry: false })?.size ?? 0
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

if (parentPort !== null) {
  const tell = (result: SnapshotTaskResult): void => parentPort?.postMessage(result)
  lowerPriority(niceness)
  try {
    const task = workerData as SnapshotTask
    if (task.task === 'make') tell({ t: 'made', facts: await make(task, () => tell({ t: 'copied' })) })
    else tell({ t: 'checked', ...check(task.file) })
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    tell({ t: 'failed', message, code: code ?? '' })
  }
}
