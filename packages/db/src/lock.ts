/**
 * One daemon per data folder.
 *
 * The lock is an exclusive SQLite transaction on an empty file of its own: a POSIX record lock of the kernel, which ends
 * with the process however it ends, so nothing is left behind by kill -9 or a power cut, and no process id has to be
 * guessed about. The note beside it only tells people who holds the lock; nothing is decided by it.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { errorCode, errorMessage, LockedError, OpenError } from './errors.ts'
import { createPrivately } from './private-file.ts'

/** Two daemons that start in the same instant both hold a shared lock for a moment; one has to wait for the other. */
const lockWaitMs = 500
const lockName = 'holdfast.lock'
const noteName = 'holdfast.pid'

export interface FolderLock {
  /** Absolute path of the data folder. */
  readonly folder: string
  /** Gives the folder free; more calls do nothing. */
  release(): void
  [Symbol.dispose](): void
}

interface Holder {
  pid: number
  /** ISO 8601. */
  since: string
  host: string
}

/**
 * Takes the data folder for this process until `release` or the end of the process.
 *
 * The lock file must not be opened by other means in this process: closing a second descriptor would end the lock.
 * @throws LockedError in one line that names the holder
 * @throws OpenError when the folder is missing or not writable
 */
export function acquireLock(folder: string): FolderLock {
  const home = resolve(folder)
  const file = join(home, lockName)
  const note = join(home, noteName)
  const db = lockFile(home, file, note)
  try {
    const holder: Holder = { pid: process.pid, since: new Date().toISOString(), host: hostname() }
    writeFileSync(note, `${JSON.stringify(holder)}\n`, { mode: 0o600 })
  } catch (error) {
    db.close()
    throw new OpenError(note, `${note} cannot be written: ${errorMessage(error)}`, { cause: error })
  }
  let held = true
  const release = () => {
    if (!held) return
    held = false
    // The note goes first: whoever gets the lock next writes his own.
    rmSync(note, { force: true })
    db.close()
  }
  return { folder: home, release, [Symbol.dispose]: release }
}

function lockFile(home: string, file: string, note: string): Database.Database {
  let db: Database.Database | undefined
  try {
    createPrivately(file)
    db = new Database(file, { timeout: lockWaitMs })
    // Nothing is ever written, so no journal file needs to lie beside the lock.
    db.pragma('journal_mode = MEMORY')
    db.exec('BEGIN EXCLUSIVE')
    return db
  } catch (error) {
    db?.close()
    if (errorCode(error).startsWith('SQLITE_BUSY')) throw held(home, file, note)
    const mend = `check that the folder exists and that the user that runs Holdfast may write to it`
    throw new OpenError(file, `${home} cannot be locked (${errorMessage(error)}): ${mend}`, { cause: error })
  }
}

function held(home: string, file: string, note: string): LockedError {
  const holder = readHolder(note)
  const who = holder
    ? `process ${holder.pid} on ${holder.host} (since ${holder.since})`
    : 'a process that left no note'
  return new LockedError(
    file,
    `${home} is in use by another Holdfast, ${who}: stop it first, or give this one another folder with --data`,
    holder?.pid ?? null,
  )
}

/** The note of whoever holds the folder, or null. It is written just after the lock is taken, so it may be missing. */
function readHolder(note: string): Holder | null {
  try {
    const value: unknown = JSON.parse(readFileSync(note, 'utf8'))
    if (typeof value !== 'object' || value === null) return null
    const { pid, since, host } = value as Partial<Record<keyof Holder, unknown>>
    if (typeof pid !== 'number' || typeof since !== 'string' || typeof host !== 'string') return null
    return { pid, since, host }
  } catch {
    return null
  }
}
