import { basename, dirname, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { errorCode, errorMessage, OpenError } from './errors.ts'
import { createPrivately } from './private-file.ts'

/** Bounds of every connection. Bytes, milliseconds, or pages of 4096 bytes, as the name says. */
export const databaseLimits = {
  /**
   * How long a statement waits for another connection's lock. Readers never wait in WAL mode; what waits is a second
   * writer during a checkpoint or a backup, and better-sqlite3 blocks its thread meanwhile, so the wait stays short.
   */
  busyTimeoutMs: 2000,
  /** The writer keeps the hot ends of the message table and the upper levels of its indexes in memory. */
  writerCacheBytes: 32 * 1024 * 1024,
  /** Readers lean on the page cache of the operating system; several of them are open at once. */
  readerCacheBytes: 8 * 1024 * 1024,
  /**
   * Off: a read error under a memory map kills the process with SIGBUS, while one in read() is an error that can be
   * reported, and mapped pages would count in the node's memory.
   */
  mmapBytes: 0,
  /**
   * 16 MiB of log between checkpoints: four times SQLite's default, so that under load the two extra flushes of a
   * checkpoint are rare, and still little enough to be read back in well under a second after a crash.
   */
  checkpointPages: 4096,
  /** A log that a long reader let grow is cut back to this at the next checkpoint. */
  walBytes: 64 * 1024 * 1024,
} as const

export interface OpenOptions {
  /** `writer`: the one connection that changes the file, which makes it when missing. `reader`: never changes it. */
  role: 'writer' | 'reader'
  /** Opens the file itself read-only, for files that other programs own (a stopped node, a backup). */
  readonly?: boolean
  /**
   * When a commit is on disk. FULL (default): before it returns. NORMAL: at the next checkpoint; only right where the
   * replicated log replays what was lost. The bundled SQLite falls back to NORMAL in WAL mode when nothing is said.
   */
  synchronous?: 'FULL' | 'NORMAL'
}

/**
 * Opens an SQLite database with the settings every Holdfast database has: WAL, foreign keys, untrusted schema.
 * @throws OpenError in one line when the file is missing (reader), unreadable, damaged or not a database
 */
export function openDatabase(path: string, options: OpenOptions): Database.Database {
  const file = resolve(path)
  const writes = options.role === 'writer' && options.readonly !== true
  let db: Database.Database | undefined
  try {
    if (writes) createPrivately(file)
    db = new Database(file, {
      readonly: options.readonly === true,
      fileMustExist: true,
      timeout: databaseLimits.busyTimeoutMs,
    })
    configure(db, options, writes)
    // The header is read here, so that a file that is no database fails now and not at the first query.
    db.prepare('SELECT count(*) FROM sqlite_schema').get()
    return db
  } catch (error) {
    db?.close()
    throw new OpenError(file, explain(file, error), { cause: error })
  }
}

function configure(db: Database.Database, options: OpenOptions, writes: boolean): void {
  if (writes) {
    db.pragma('journal_mode = WAL')
    db.pragma(`synchronous = ${options.synchronous ?? 'FULL'}`)
    db.pragma(`wal_autocheckpoint = ${databaseLimits.checkpointPages}`)
    db.pragma(`journal_size_limit = ${databaseLimits.walBytes}`)
    // Overwrites deleted text inside pages that are written anyhow, so that an erased message does not linger in the file.
    db.pragma('secure_delete = FAST')
  } else {
    db.pragma('query_only = ON')
  }
  db.pragma('foreign_keys = ON')
  // A schema that somebody tampered with must not call functions with side effects.
  db.pragma('trusted_schema = OFF')
  db.pragma('cell_size_check = ON')
  // Sorting spills to memory: message text must not reach files in the system's temporary folder.
  db.pragma('temp_store = MEMORY')
  db.pragma(`mmap_size = ${databaseLimits.mmapBytes}`)
  const cacheBytes = writes ? databaseLimits.writerCacheBytes : databaseLimits.readerCacheBytes
  // A negative cache size is in KiB.
  db.pragma(`cache_size = ${-(cacheBytes / 1024)}`)
}

/** What is wrong with `file` and how to mend it, in one line. */
export function explain(file: string, error: unknown): string {
  const name = basename(file)
  const code = errorCode(error)
  if (code === 'SQLITE_NOTADB') return `${file} is not a database: restore ${name} from a backup`
  if (code.startsWith('SQLITE_CORRUPT'))
    return `${file} is damaged (${errorMessage(error)}): restore ${name} from a backup`
  if (code === 'ENOENT') return `the folder ${dirname(file)} does not exist: make it with 'holdfast init'`
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code.startsWith('SQLITE_READONLY'))
    return `${file} cannot be written: give ${dirname(file)} and the files in it to the user that runs Holdfast`
  if (code.startsWith('SQLITE_CANTOPEN'))
    return `${file} cannot be opened: check that it exists and that the user that runs Holdfast may read it`
  if (code === 'SQLITE_FULL' || code === 'ENOSPC')
    return `there is no room on the disk of ${dirname(file)}: free some and start again`
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'))
    return `${file} is in use by another program: stop it and start again`
  return `${file} cannot be opened: ${errorMessage(error)}`
}
