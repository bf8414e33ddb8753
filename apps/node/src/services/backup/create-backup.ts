/**
 * Makes one backup of a running node.
 *
 * 1 leftovers of this node go, room is looked for · 2 what any node acknowledged before is applied here · 3 the database is
 * copied in DATA/outgoing, without stopping anybody · 4 the copy is compressed, encrypted and written beside its place, and
 * flushed · 5 the copy goes · 6 the file gets its name, durably · 7 older ones go. A crash leaves no file that is listed,
 * and nothing unencrypted outside the data folder, whose `outgoing` the next start empties.
 */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { HoldfastError } from '@holdfast/api/contract/errors'
import type { SnapshotSource } from '../../peer/snapshot-sender.ts'
import { diskBounds, diskSpace } from '../../platform/disk.ts'
import { ensureDir } from '../../platform/files.ts'
import { randomToken } from '../../platform/random.ts'
import { threadUrl } from '../../platform/thread-url.ts'
import { publish, retain, sweepTemporary, temporaryName } from './backup-folder.ts'
import type { FromBackupThread } from './backup-thread.ts'
import { type About, backupFileName } from './format.ts'
import type { WriteRequest, WrittenBackup } from './write-backup.ts'

export interface CreateRequest {
  /** Where backups are kept. */
  folder: string
  /** The database that is copied, for the room it takes. */
  clusterFile: string
  authorityFile: string
  about: Omit<About, 'index'>
  keep: number
  snapshots: Pick<SnapshotSource, 'take'>
  /** Resolves when all that was acknowledged before is applied here; rejects without a quorum. */
  readIndex: () => Promise<void>
  /** The newest revision that is applied; 0 on a single node. */
  revision: () => number
  signal: AbortSignal
  onProgress: (progress: { step: 'copying' | 'writing'; doneBytes: number; totalBytes: number }) => void
  space?: typeof diskSpace
  write?: typeof writeInThread
}

export interface CreatedBackup extends WrittenBackup {
  file: string
  caughtUp: boolean
  removed: string[]
}

/** A whole backup; the slowest disks and lines have to do it in this. */
const writeMs = 12 * 3600_000

/** @throws HoldfastError `disk-full`, `conflict`, `shutting-down`, `internal`, in one line for the operator */
export async function createBackup(request: CreateRequest): Promise<CreatedBackup> {
  const { folder, about, snapshots, onProgress, keep } = request
  try {
    await ensureDir(folder)
    await sweepTemporary(folder, about.node.id)
    await checkRoom(request)
  } catch (error) {
    throw asRefusal(error, folder)
  }
  onProgress({ step: 'copying', doneBytes: 0, totalBytes: 0 })
  const caughtUp = await request.readIndex().then(
    () => true,
    () => false,
  )
  const copy = await snapshots.take(request.revision())
  const temporary = temporaryName(about.node.id, randomToken(6))
  let written: WrittenBackup
  try {
    onProgress({ step: 'writing', doneBytes: 0, totalBytes: copy.bytes })
    const { file, bytes, sha256, generation, revision } = copy
    written = await (request.write ?? writeInThread)(
      {
        copy: { file, bytes, sha256, generation, revision },
        authorityFile: request.authorityFile,
        target: join(folder, temporary),
        about,
        caughtUp,
      },
      {
        signal: request.signal,
        onProgress: (doneBytes) => onProgress({ step: 'writing', doneBytes, totalBytes: bytes }),
      },
    )
  } catch (error) {
    await sweepTemporary(folder, about.node.id).catch(() => {})
    if (request.signal.aborted)
      throw new HoldfastError('shutting-down', 'This node is shutting down; the backup was given up.')
    throw asRefusal(error, folder)
  } finally {
    copy.release()
  }
  try {
    const file = await publish(folder, temporary, backupFileName(about))
    const { node, facility } = about
    const removed = await retain(folder, { nodeId: node.id, facility, keep })
    return { ...written, file, caughtUp, removed }
  } catch (error) {
    throw asRefusal(error, folder)
  }
}

/** Compression is not counted on: it is the worst case that has to fit. */
async function checkRoom({ folder, clusterFile, space = diskSpace }: CreateRequest): Promise<void> {
  const sizes = await Promise.all(
    ['', '-wal'].map((suffix) =>
      stat(`${clusterFile}${suffix}`).then(
        (each) => each.size,
        () => 0,
      ),
    ),
  )
  const needed = sizes.reduce((a, b) => a + b, 0) * 1.01 + diskBounds.fullBytes
  const { freeBytes } = await space(folder)
  if (freeBytes >= needed) return
  throw new HoldfastError(
    'disk-full',
    `The backup may need ${Math.ceil(needed)} bytes, and ${folder} has ${freeBytes} free: remove old backups, keep fewer, or set backupDir to another disk.`,
  )
}

export function writeInThread(
  request: WriteRequest,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (doneBytes: number) => void },
): Promise<WrittenBackup> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(threadUrl('backup-thread', import.meta.url), {
      workerData: request,
      name: 'holdfast-backup',
    })
    let result: WrittenBackup | null = null
    let failure: Error = new Error('the thread that writes it ended')
    const end = (why: string) => {
      failure = new Error(why)
      void worker.terminate()
    }
    const abort = () => end('it was called off')
    const timer = setTimeout(() => end(`it took over ${writeMs / 3600_000} hours`), writeMs)
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
    worker.on('message', (message: FromBackupThread) => {
      if (message.t === 'progress') onProgress(message.doneBytes)
      else if (message.t === 'written') result = message.written
      else failure = Object.assign(new Error(message.message), { code: message.code })
    })
    worker.on('error', (error: Error) => {
      failure = error
    })
    worker.once('exit', () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      if (result === null) reject(failure)
      else resolve(result)
    })
  })
}

/** What a folder answers that belongs to somebody else, or that the unit of the node keeps read-only. */
const notAllowed = new Set(['EACCES', 'EPERM', 'EROFS'])

function asRefusal(error: unknown, folder: string): HoldfastError {
  if (error instanceof HoldfastError) return error
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new HoldfastError(
      'disk-full',
      `The disk of ${folder} became full while the backup was written: remove old backups, keep fewer, or set backupDir to another disk.`,
      { cause: error },
    )
  if (code !== undefined && notAllowed.has(code))
    return new HoldfastError(
      'conflict',
      `The node may not write to ${folder} (${code}): give the folder to the user that runs it, and let a hardened unit or a container through to it, as docs/operating/backup.md says.`,
      { cause: error },
    )
  return new HoldfastError('internal', `The backup could not be written to ${folder}: ${message}.`, {
    cause: error,
  })
}
