/** The checks of a node's data folder. */
import { existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { acquireLock, errorMessage, LockedError, openDatabase } from '@holdfast/db'
import { MembershipFile } from '../cluster/membership.ts'
import { diskLevel, diskSpace } from '../platform/disk.ts'
import { fingerprint, renewalDue, validity } from '../trust/certificates.ts'
import { trustPaths } from '../trust/files.ts'
import { type Finding, ok, warning, wrong } from './doctor-checks.ts'
import { bytes } from './output.ts'

const anybodyElse = 0o077
/** How far the newest event may be ahead of this clock: other nodes of a cluster write too. */
const clockToleranceMs = 60_000

/** Looks at the folder; stops early where there is nothing to look at. */
export async function* checkData(folder: string): AsyncGenerator<Finding> {
  const path = resolve(folder)
  if (!existsSync(join(path, 'cluster.db'))) {
    yield wrong(
      'data folder',
      `${path} holds no node.`,
      'Name the right folder, or make a node in it with: holdfast init --data DIR …, or holdfast serve --data DIR',
    )
    return
  }
  yield await checkOwner(path)
  yield await checkSecrets(path)
  yield await checkDisk(path)
  yield checkLock(path)
  for (const name of ['authority', 'node'] as const) yield await checkCertificate(path, name)
  for (const name of ['cluster.db', 'node.db']) yield checkDatabase(join(path, name))
  yield* checkMembership(join(path, 'node.db'))
  yield* checkClockAgainst(join(path, 'cluster.db'))
}

async function checkOwner(path: string): Promise<Finding> {
  const check = 'data folder'
  const { uid, mode } = await stat(path)
  const me = userInfo()
  if (me.uid !== 0 && uid !== me.uid)
    return wrong(
      check,
      `${path} belongs to user ${uid}, and you are ${me.username} (${me.uid}).`,
      `Run this as its owner, or give it to the user that runs Holdfast: chown -R USER ${path}`,
    )
  if ((mode & anybodyElse) !== 0)
    return warning(
      check,
      `${path} can be entered by other users (mode ${modeText(mode)}).`,
      `Close it: chmod 700 ${path}`,
    )
  return ok(check, `${path} is its owner's alone.`)
}

async function checkSecrets(path: string): Promise<Finding> {
  const check = 'keys'
  const { folder } = trustPaths(path)
  let open: string[]
  try {
    open = await openFiles(folder)
  } catch (error) {
    return wrong(
      check,
      `${folder} cannot be read: ${errorMessage(error)}.`,
      'Restore it from the backup; without it no client trusts the node.',
    )
  }
  if (open.length === 0) return ok(check, `Only the owner can read ${folder}.`)
  return wrong(
    check,
    `Other users can read ${open.join(', ')}.`,
    `Close them: chmod -R go= ${folder}. If others have been on this machine, take the keys for stolen.`,
  )
}

/** Files of a folder, and the folder, that others may read. */
async function openFiles(folder: string): Promise<string[]> {
  const paths = [folder, ...(await readdir(folder)).map((name) => join(folder, name))]
  const modes = await Promise.all(paths.map(async (each) => (await stat(each)).mode))
  return paths.filter((_, i) => (modes[i]! & anybodyElse) !== 0)
}

async function checkDisk(path: string): Promise<Finding> {
  const check = 'disk'
  const space = await diskSpace(path)
  const found = `${bytes(space.freeBytes)} of ${bytes(space.totalBytes)} are free.`
  const mend =
    'Free some: shorten retention, move old audit segments away after exporting them, or enlarge the disk.'
  const level = diskLevel(space, 'ok')
  if (level === 'full') return wrong(check, `${found} The node refuses messages.`, mend)
  return level === 'low' ? warning(check, found, mend) : ok(check, found)
}

function checkLock(path: string): Finding {
  const check = 'lock'
  try {
    acquireLock(path).release()
    return ok(check, 'No node runs on this folder.')
  } catch (error) {
    if (error instanceof LockedError)
      return ok(check, `A node runs on this folder (process ${error.holderPid ?? 'unknown'}).`)
    return wrong(check, errorMessage(error), 'See who owns the folder and whether it can be written.')
  }
}

async function checkCertificate(path: string, name: 'authority' | 'node'): Promise<Finding> {
  const check = name === 'authority' ? 'CA certificate' : "node's certificate"
  const file = trustPaths(path)[name]
  let pem: string
  try {
    pem = await readFile(file, 'utf8')
    fingerprint(pem)
  } catch (error) {
    return name === 'node' && !existsSync(file)
      ? warning(check, `${file} is missing.`, 'The next start of the node makes a new one.')
      : wrong(check, `${file} cannot be used: ${errorMessage(error)}.`, `Restore ${file} from the backup.`)
  }
  const { from, until } = validity(pem)
  const now = Date.now()
  const dates = `It is valid from ${new Date(from).toISOString()} to ${new Date(until).toISOString()}`
  if (now < from)
    return wrong(check, `${dates}, which has not begun.`, 'The clock of this machine is behind: set it.')
  if (now > until)
    return wrong(
      check,
      `${dates}, which is over.`,
      name === 'node'
        ? 'Restart the node: it makes a new one.'
        : 'Set the clock if it is wrong; else make a new CA and let every client trust it.',
    )
  if (name === 'node' && renewalDue(pem, now))
    return warning(check, `${dates}.`, 'Restart the node soon: it makes a new one.')
  return ok(check, `${dates}, SHA-256 ${fingerprint(pem).colons}.`)
}

function checkDatabase(file: string): Finding {
  const check = file.slice(file.lastIndexOf('/') + 1)
  try {
    const db = openDatabase(file, { role: 'reader', readonly: true })
    try {
      const rows = db.pragma('quick_check') as { quick_check: string }[]
      const faults = rows.map((row) => row.quick_check).filter((text) => text !== 'ok')
      if (faults.length === 0) return ok(check, 'Its structure is sound.')
      return wrong(
        check,
        `It is damaged: ${faults.slice(0, 3).join('; ')}.`,
        'Stop the node and restore the newest backup.',
      )
    } finally {
      db.close()
    }
  } catch (error) {
    return wrong(check, errorMessage(error), 'Stop the node and restore the newest backup.')
  }
}

/** A node that was taken out of its cluster keeps out by itself, and its data is sound all the same. */
function* checkMembership(file: string): Generator<Finding> {
  const why = fencedBecause(file)
  if (why !== null)
    yield wrong(
      'cluster',
      `The node serves nobody: ${why}`,
      'Stop it, move its folder away, and let it join with an empty one: holdfast cluster join',
    )
}

/** Why the node must not take part any more; null when it may, is alone, or cannot be asked. */
function fencedBecause(file: string): string | null {
  try {
    const db = openDatabase(file, { role: 'reader', readonly: true })
    try {
      return new MembershipFile(db).read()?.fencedBecause ?? null
    } finally {
      db.close()
    }
  } catch {
    // What is wrong with the database is a finding of its own.
    return null
  }
}

/** A machine whose battery is empty starts with a time that has been: what is stored already shows it. */
function* checkClockAgainst(file: string): Generator<Finding> {
  const newest = newestEventAt(file)
  const now = Date.now()
  if (newest === null || newest <= now + clockToleranceMs) return
  yield wrong(
    'clock',
    `It is ${new Date(now).toISOString()} here, and the newest event of this node is of ${new Date(newest).toISOString()}.`,
    'The clock of this machine is behind, or was ahead when that was written: set it before the node goes on.',
  )
}

/** Milliseconds since 1970 of the newest audit event; null without one, or when the database cannot be read. */
function newestEventAt(file: string): number | null {
  try {
    const db = openDatabase(file, { role: 'reader', readonly: true })
    try {
      const at = db.prepare('SELECT at FROM audit_event ORDER BY seq DESC LIMIT 1').pluck().get()
      return at === undefined ? null : Number(at)
    } finally {
      db.close()
    }
  } catch {
    // What is wrong with the database is a finding of its own.
    return null
  }
}

function modeText(mode: number): string {
  return (mode & 0o777).toString(8)
}
