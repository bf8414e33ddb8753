/**
 * Restores a backup into an empty data folder.
 *
 * All is made ready in DATA/restoring; while that is there nothing is served from the folder, and a restore that was cut off
 * begins anew. 1 the folder is looked at and locked · 2 the node is prepared in DATA/restoring (prepare.ts) · 3 its files
 * move to their places · 4 DATA/restoring goes, durably: from here on it is a node.
 */
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { acquireLock } from '@holdfast/db'
import { restoringFolder } from '../../data-folder.ts'
import { ensureDir, syncFolder } from '../../platform/files.ts'
import { RestoreRefusedError } from './errors.ts'
import { type PreparedNode, prepareNode } from './prepare.ts'
import type { RecoveryKey } from './recovery-key.ts'

/** A file system's own, and what the lock leaves. */
const ignored = new Set(['lost+found', 'holdfast.lock', 'holdfast.pid'])

export interface RestoreOptions {
  file: string
  key: RecoveryKey
  dataDir: string
  nodeName?: string
  say?: (step: string) => void
}

/** @throws RestoreRefusedError, LockedError: the folder does not serve; and as `prepareNode`. Nothing is left behind. */
export async function restoreBackup(options: RestoreOptions): Promise<PreparedNode> {
  const folder = resolve(options.dataDir)
  const staging = restoringFolder(folder)
  await ensureDir(folder)
  const names = (await readdir(folder)).filter((name) => !ignored.has(name))
  const cutOff = names.includes('restoring')
  if (names.length > 0 && !cutOff) {
    // Whoever holds it is named: that is the more urgent news.
    if (existsSync(join(folder, 'cluster.db'))) acquireLock(folder).release()
    const what = names.includes('cluster.db')
      ? 'holds a node'
      : `is not empty (${names.slice(0, 3).join(', ')})`
    throw new RestoreRefusedError(`${folder} ${what}: restore into an empty folder.`)
  }
  using _ = acquireLock(folder)
  // What a restore that was cut off had put in place goes first: the mark that it was goes last.
  for (const name of names) if (name !== 'restoring') await rm(join(folder, name), { recursive: true })
  await rm(staging, { recursive: true, force: true })
  await mkdir(staging, { mode: 0o700 })
  await syncFolder(folder)
  let prepared: PreparedNode
  try {
    prepared = await prepareNode({ ...options, folder: staging })
  } catch (error) {
    await rm(staging, { recursive: true, force: true })
    throw error
  }
  for (const name of await readdir(staging))
    if (!ignored.has(name)) await rename(join(staging, name), join(folder, name))
  await syncFolder(folder)
  await rm(staging, { recursive: true })
  await syncFolder(folder)
  return prepared
}
