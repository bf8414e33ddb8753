/** The folder of a node's backups. Several nodes, and anything else, may share it. */
import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BackupList } from '@holdfast/api/backup-services'
import { syncFolder } from '../../platform/files.ts'
import { removeGently } from '../../platform/gentle-removal.ts'
import { randomToken } from '../../platform/random.ts'
import type { Proofs } from './commands.ts'
import { backupBounds, backupSuffix } from './format.ts'
import { readHead } from './read-backup.ts'

/** A file that is being written; its owner removes it at its next start. */
export function temporaryName(nodeId: string, token: string): string {
  return `${temporaryPrefix(nodeId)}${token}.tmp`
}
const temporaryPrefix = (nodeId: string) => `.hfbackup-${nodeId}-`

/** Removes what this node began to write and did not finish. Nobody else's files are touched. */
export async function sweepTemporary(folder: string, nodeId: string): Promise<void> {
  for (const name of await namesIn(folder))
    if (name.startsWith(temporaryPrefix(nodeId)) && name.endsWith('.tmp'))
      await rm(join(folder, name), { force: true })
}

/** Gives a finished file its name, for good. @returns the name, which has a number where it was taken */
export async function publish(folder: string, temporary: string, wanted: string): Promise<string> {
  const taken = new Set(await namesIn(folder))
  const stem = wanted.slice(0, -backupSuffix.length)
  let name = wanted
  for (let n = 2; taken.has(name); n += 1) name = `${stem}-${n}${backupSuffix}`
  await rename(join(folder, temporary), join(folder, name))
  await syncFolder(folder)
  return name
}

/** What the folder holds, the newest first. Files that cannot be read are listed with the reason. */
export async function listBackups(folder: string, proofs: Proofs = {}): Promise<BackupList> {
  const names = (await namesIn(folder)).filter((name) => name.endsWith(backupSuffix) && !name.startsWith('.'))
  const looked = names.toSorted().toReversed().slice(0, backupBounds.listFiles)
  const files = await Promise.all(looked.map((name) => describe(folder, name, proofs)))
  files.sort((a, b) => b.createdAt - a.createdAt || (a.file < b.file ? 1 : -1))
  return { folder, files, leftOut: names.length - looked.length }
}

async function describe(folder: string, file: string, proofs: Proofs): Promise<BackupList['files'][number]> {
  try {
    const { about, bytes, sha256 } = await readHead(join(folder, file))
    const { facility, node, version, createdAt, index, recipient } = about
    const provenAt = proofs[sha256]?.at ?? null
    const facts = { facility, nodeName: node.name, version, createdAt, index, recipient, sha256 }
    return { file, bytes, ...facts, provenAt, problem: null }
  } catch (error) {
    const unknown = { facility: '', nodeName: '', version: '', createdAt: 0, index: 0 }
    const problem = (error as Error).message
    return { file, bytes: 0, ...unknown, recipient: '', sha256: '', provenAt: null, problem }
  }
}

/** Removes the oldest backups that this node made of this facility, but for the newest `keep`. */
export async function retain(
  folder: string,
  { nodeId, facility, keep }: { nodeId: string; facility: string; keep: number },
): Promise<string[]> {
  const own: { name: string; createdAt: number }[] = []
  for (const name of await namesIn(folder)) {
    if (!name.endsWith(backupSuffix) || name.startsWith('.')) continue
    const head = await readHead(join(folder, name)).catch(() => null)
    if (head?.about.node.id === nodeId && head.about.facility === facility)
      own.push({ name, createdAt: head.about.createdAt })
  }
  const over = own.toSorted((a, b) => b.createdAt - a.createdAt).slice(keep)
  for (const { name } of over) {
    // What is cut off in the middle must not have the name of a whole backup.
    const going = join(folder, temporaryName(nodeId, randomToken(6)))
    await rename(join(folder, name), going)
    await removeGently(going)
  }
  return over.map(({ name }) => name)
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
