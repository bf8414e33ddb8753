/**
 * Puts a received snapshot in the place of cluster.db, at the start of a node and before any database is opened.
 *
 * `DATA/incoming/ready.json` decides: while it is there the snapshot is to be installed, and a start that was cut off is
 * done again from the top; nothing opens the database before all of it is done.
 * 1 the snapshot is compared with its hash once more · 2 the old write-ahead log goes, durably, for it must never meet the
 * new database · 3 the snapshot takes the place of the old database · 4 the search index, which is of the old one, goes ·
 * 5 audit files that the new database does not continue are put aside · 6 `ready.json` goes.
 */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from '@holdfast/db'
import { AuditDamageError } from '../services/audit/errors.ts'
import { SegmentTail } from '../services/audit/segment-tail.ts'
import { type FileSteps, fileSteps } from './file-steps.ts'
import { outgoingFolder } from './snapshot-maker.ts'
import { incomingPaths, type ReadySnapshot, readySchema } from './snapshot-receiver.ts'

export interface Installation {
  installed: boolean
  /** What was installed; null: nothing. */
  snapshot: ReadySnapshot | null
  /** Folder to which audit files were moved that are not of the new database; null: they fit. */
  auditReplaced: string | null
  /** One line when a snapshot was there and was thrown away; the database is as it was. */
  problem: string | null
}

/** Suffixes of the files that belong to a database. */
const companions = ['-wal', '-shm', '-journal'] as const

/**
 * Installs what waits in DATA/incoming; also empties DATA/outgoing. The caller holds the folder's lock, and opens no
 * database before this has returned.
 * @throws the system's error; the next start does it again
 */
export async function installIncoming(
  dataFolder: string,
  steps: FileSteps = fileSteps,
): Promise<Installation> {
  await steps.remove(outgoingFolder(dataFolder))
  const paths = incomingPaths(dataFolder)
  if (!existsSync(paths.folder)) return nothing
  const ready = await readReady(paths.ready)
  const database = join(dataFolder, 'cluster.db')
  if (ready === null) {
    await discard(dataFolder, steps)
    return nothing
  }
  if (existsSync(paths.database)) {
    if (!(await isWhole(paths.database, ready))) {
      await discard(dataFolder, steps)
      return { ...nothing, problem: 'The received snapshot is not what was received; it was thrown away.' }
    }
    await removeCompanions(database, dataFolder, steps)
    await steps.rename(paths.database, database)
    await steps.syncFolder(dataFolder)
    await steps.syncFolder(paths.folder)
  } else if (existsSync(database) && (await isWhole(database, ready))) {
    // An earlier start came so far; what opening the database for step 5 may have left goes again.
    await removeCompanions(database, dataFolder, steps)
  } else {
    await discard(dataFolder, steps)
    return { ...nothing, problem: 'The received snapshot is gone; the database is as it was.' }
  }
  for (const suffix of ['', ...companions]) await steps.remove(join(dataFolder, `search.db${suffix}`))
  const auditReplaced = await alignAudit(dataFolder, ready, steps)
  await discard(dataFolder, steps)
  return { installed: true, snapshot: ready, auditReplaced, problem: null }
}

const nothing: Installation = { installed: false, snapshot: null, auditReplaced: null, problem: null }

/** Null when there is none, or one that a crash of an older version left unreadable. */
async function readReady(path: string): Promise<ReadySnapshot | null> {
  try {
    return readySchema.safeParse(JSON.parse(await readFile(path, 'utf8'))).data ?? null
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || error instanceof SyntaxError) return null
    throw error
  }
}

/** First what makes it count, durably; then the rest. */
async function discard(dataFolder: string, steps: FileSteps): Promise<void> {
  const paths = incomingPaths(dataFolder)
  await steps.remove(paths.ready)
  await steps.syncFolder(paths.folder)
  await steps.remove(paths.folder)
}

async function removeCompanions(database: string, dataFolder: string, steps: FileSteps): Promise<void> {
  for (const suffix of companions) await steps.remove(`${database}${suffix}`)
  await steps.syncFolder(dataFolder)
}

async function isWhole(file: string, ready: ReadySnapshot): Promise<boolean> {
  if ((await stat(file)).size !== ready.bytes) return false
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 }))
    hash.update(chunk as Buffer)
  return hash.digest('hex') === ready.sha256
}

/**
 * Audit files that end with an event of the new database stay and are continued from its rows. Others, which have events
 * that it lacks or other ones in their place, are put aside as evidence and written anew.
 */
async function alignAudit(
  dataFolder: string,
  ready: ReadySnapshot,
  steps: FileSteps,
): Promise<string | null> {
  const directory = join(dataFolder, 'audit')
  if (!existsSync(directory) || (await continues(directory, join(dataFolder, 'cluster.db')))) return null
  const stamp = new Date(ready.receivedAt).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  let aside = join(dataFolder, `audit-replaced-${stamp}`)
  for (let n = 2; existsSync(aside); n++) aside = join(dataFolder, `audit-replaced-${stamp}-${n}`)
  await steps.rename(directory, aside)
  await steps.syncFolder(dataFolder)
  return aside
}

async function continues(directory: string, database: string): Promise<boolean> {
  const tail = new SegmentTail({ directory, segmentBytes: 0, facility: () => '', openFile: open })
  try {
    await tail.recover()
  } catch (error) {
    // Somebody has to look at damaged files, wherever they are; the audit log raises the alert.
    if (error instanceof AuditDamageError) return true
    throw error
  } finally {
    await tail.close()
  }
  const { seq, hash } = tail.position
  if (seq === 0) return true
  const db = openDatabase(database, { role: 'reader' })
  try {
    const row = db.prepare('SELECT hash FROM audit_event WHERE seq = ?').get(seq) as
      | { hash: Buffer }
      | undefined
    return row?.hash.equals(hash) === true
  } finally {
    db.close()
  }
}
