import {
  cpSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder } from '../platform/files.ts'
import type { Slot } from './release.ts'
import type { UpdateJournal, UpdateState } from './update-state.ts'

/** What migrations change; the rest of the data folder reads the same in every version. */
const databases = ['cluster.db', 'node.db']
const sideFiles = ['-wal', '-shm']

/** Copies the databases of a node that does not run. @returns the folder with the copies */
export async function copyDatabases(nodeFolder: string, to: string): Promise<void> {
  const half = `${to}.half`
  rmSync(half, { recursive: true, force: true })
  rmSync(to, { recursive: true, force: true })
  mkdirSync(half, { recursive: true, mode: 0o700 })
  for (const file of databases.flatMap((name) => [name, ...sideFiles.map((side) => name + side)])) {
    const from = join(nodeFolder, file)
    if (!existsSync(from)) continue
    // The folder is the daemon's, and root is who copies: a link could have it give away what it leads to.
    if (!lstatSync(from).isFile()) throw new Error(`${from} is no file of its own; nothing was changed.`)
    cpSync(from, join(half, file), { preserveTimestamps: true })
  }
  for (const name of readdirSync(half)) await syncPath(join(half, name))
  await syncFolder(half)
  renameSync(half, to)
  await syncFolder(join(to, '..'))
}

/** Puts copies back. The copies stay until the next update, so that a power cut in between does no harm. */
export async function restoreDatabases(
  from: string,
  nodeFolder: string,
  owner: { uid: number; gid: number },
): Promise<void> {
  for (const name of databases) {
    if (!existsSync(join(from, name))) continue
    for (const side of sideFiles) rmSync(join(nodeFolder, name + side), { force: true })
    for (const file of [name, ...sideFiles.map((side) => name + side)]) {
      if (!existsSync(join(from, file))) continue
      const temporary = join(nodeFolder, `${file}.restored`)
      cpSync(join(from, file), temporary)
      lchownSync(temporary, owner.uid, owner.gid)
      await syncPath(temporary)
      renameSync(temporary, join(nodeFolder, file))
    }
  }
  await syncFolder(nodeFolder)
}

async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

export interface SettleOptions {
  journal: UpdateJournal
  slot: Slot | null
  /** Whether it is the new version that runs now; by default told by the slot. */
  runsNew?: (state: UpdateState) => boolean
  nodeFolder: string
  /** Sees to it that the version that was taken back is not started again; called again when it was cut off. */
  giveUpNew?: () => Promise<void>
  /** Whom the databases belong to. */
  owner: { uid: number; gid: number }
  say: (line: string) => void
}

/**
 * Called at every start before the daemon: finds out what a pending update has come to. In the slot of the new version
 * its trial begins; in the old one the update was taken back, and the old databases with it.
 */
export async function settleUpdate(options: SettleOptions): Promise<UpdateState | null> {
  const { journal, slot, say } = options
  const state = journal.current()
  if (state === null || (state.phase !== 'installed' && state.phase !== 'trial')) return state
  const runsNew = options.runsNew ?? ((each) => each.slot === slot)
  if (runsNew(state)) {
    if (state.phase === 'trial') return state
    say(`UPDATE-TRIAL ${state.from} to ${state.to}${slot === null ? '' : ` in slot ${slot}`}`)
    return await journal.enter({ ...state, phase: 'trial' })
  }
  if (state.snapshot !== null && state.phase === 'trial')
    await restoreDatabases(state.snapshot, options.nodeFolder, options.owner)
  await options.giveUpNew?.()
  const reason =
    state.reason ??
    (state.phase === 'trial' ? 'the new version did not come up' : 'the new version was not started')
  say(`UPDATE-ROLLED-BACK ${state.to} to ${state.from}: ${reason}`)
  return await journal.enter({ ...state, phase: 'rolled-back', reason })
}
