/**
 * Takes a snapshot of cluster.db from another member into DATA/incoming, for the next start to put in place:
 * 1 what an earlier try left is removed · 2 the stream goes into a file that only this user can read · 3 size, hash, soundness and
 * position in the log are checked, and it is made durable · 4 `ready.json` says that it may be used.
 */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { diskBounds, diskSpace } from '../platform/disk.ts'
import type { Logger } from '../platform/logger.ts'
import { peerBounds } from './bounds.ts'
import { PeerError, SnapshotError } from './errors.ts'
import { type FileSteps, fileSteps } from './file-steps.ts'
import type { PeerAnswer, PeerClient } from './peer-client.ts'
import { snapshotHeaders } from './peer-protocol.ts'
import type { SnapshotFacts } from './snapshot-sender.ts'
import { runSnapshotTask, SnapshotTaskError } from './snapshot-task.ts'

/** A page for each byte of a small disk: no snapshot is larger. */
const maxBytes = 16 * 1024 ** 4
const checkMs = 3600_000

const hexSchema = z.string().regex(/^[0-9a-f]*$/)
const factsShape = {
  generation: z.string().max(peerBounds.generationLength),
  revision: z.coerce.number().int().min(0),
  index: z.coerce.number().int().min(0),
  chain: hexSchema.max(128),
  bytes: z.coerce.number().int().min(1).max(maxBytes),
  sha256: hexSchema.length(64),
}
const factsSchema = z.object(factsShape)

/** What `ready.json` says: the snapshot beside it is whole and may replace the database. */
export const readySchema = z.object({
  ...factsShape,
  /** Node that sent it. */
  from: z.string(),
  /** Milliseconds since 1970. */
  receivedAt: z.int(),
})
export type ReadySnapshot = z.infer<typeof readySchema>

/** Where a received snapshot waits. */
export function incomingPaths(dataFolder: string) {
  const folder = join(dataFolder, 'incoming')
  return {
    folder,
    part: join(folder, 'cluster.db.part'),
    database: join(folder, 'cluster.db'),
    ready: join(folder, 'ready.json'),
  }
}

export interface DownloadOptions {
  client: PeerClient
  /** The data folder. */
  dataFolder: string
  /** Generation of the log that the snapshot must be of. */
  generation: string
  /** etcd revision that it must have reached. */
  minimumRevision: number
  logger: Logger
  signal?: AbortSignal
  /** Told as it comes, at most once for each piece of the stream. */
  onProgress?: (bytes: number, ofBytes: number) => void
  stallMs?: number
  now?: () => number
  space?: typeof diskSpace
  /** Tests hand in steps that fail. */
  steps?: FileSteps
}

/**
 * Fetches a snapshot; the node then has to start anew, and `installIncoming` puts it in place.
 * @throws SnapshotError, PeerError, HoldfastError (what the other node answered); nothing is left then
 */
export async function downloadSnapshot(options: DownloadOptions): Promise<ReadySnapshot> {
  const { client, dataFolder, minimumRevision, logger } = options
  const paths = incomingPaths(dataFolder)
  const signal = AbortSignal.any([
    AbortSignal.timeout(peerBounds.snapshotMs),
    ...(options.signal ? [options.signal] : []),
  ])
  const steps = options.steps ?? fileSteps
  await clearIncoming(dataFolder, steps)
  try {
    const answer = await client.openSnapshot({
      signal,
      wantedRevision: minimumRevision,
      ...(options.stallMs !== undefined && { stallMs: options.stallMs }),
    })
    const facts = factsOf(answer)
    try {
      checkWanted(facts, options)
      await checkRoom(paths.folder, facts.bytes, options.space ?? diskSpace)
      await download(answer, paths.part, facts, options)
    } finally {
      answer.body.destroy()
    }
    await steps.rename(paths.part, paths.database)
    await checkDatabase(paths.database, facts, signal)
    await makeDurable(paths, steps)
    const ready = { ...facts, from: client.member.nodeId, receivedAt: (options.now ?? Date.now)() }
    await steps.write(paths.ready, `${JSON.stringify(ready)}\n`)
    logger.info({ ...ready }, 'received a snapshot; the next start puts it in place')
    return ready
  } catch (error) {
    await clearIncoming(dataFolder, steps)
    throw error
  }
}

/** Removes what waits in DATA/incoming; first the file that makes it count. */
async function clearIncoming(dataFolder: string, steps: FileSteps): Promise<void> {
  const paths = incomingPaths(dataFolder)
  await steps.ensureFolder(paths.folder)
  await steps.remove(paths.ready)
  await steps.syncFolder(paths.folder)
  for (const path of [paths.part, paths.database, `${paths.database}-wal`, `${paths.database}-shm`])
    await steps.remove(path)
}

function factsOf({ headers }: PeerAnswer): SnapshotFacts {
  const parsed = factsSchema.safeParse({
    generation: headers[snapshotHeaders.generation],
    revision: headers[snapshotHeaders.revision],
    index: headers[snapshotHeaders.index],
    chain: headers[snapshotHeaders.chain],
    bytes: headers['content-length'],
    sha256: headers[snapshotHeaders.sha256],
  })
  if (parsed.success) return parsed.data
  throw new SnapshotError('damaged', 'The other node does not say what its snapshot is of.')
}

function checkWanted(
  facts: SnapshotFacts,
  { generation, minimumRevision }: Pick<DownloadOptions, 'generation' | 'minimumRevision'>,
): void {
  if (facts.generation !== generation)
    throw new SnapshotError(
      'wrong-log',
      `The snapshot is of log ${facts.generation || '(none)'}, and this node follows ${generation}.`,
    )
  if (facts.revision < minimumRevision)
    throw new SnapshotError(
      'wrong-log',
      `The snapshot ends at revision ${facts.revision}, and ${minimumRevision} is needed: take it from a node that is further.`,
    )
}

async function checkRoom(folder: string, bytes: number, space: typeof diskSpace): Promise<void> {
  const { freeBytes, totalBytes } = await space(folder)
  const kept = Math.min(diskBounds.fullBytes, totalBytes * diskBounds.fullShare) * diskBounds.resumeFactor
  if (freeBytes - kept >= bytes) return
  throw new SnapshotError(
    'no-room',
    `The snapshot has ${bytes} bytes and this disk has ${freeBytes} free: make room for it.`,
  )
}

async function download(
  { body }: PeerAnswer,
  path: string,
  facts: SnapshotFacts,
  { client, onProgress }: DownloadOptions,
): Promise<void> {
  const hash = createHash('sha256')
  let bytes = 0
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > facts.bytes) break
      hash.update(chunk)
      await file.writeFile(chunk)
      onProgress?.(bytes, facts.bytes)
    }
    await file.sync()
  } catch (error) {
    throw asCut(error, client.member.nodeId, `${bytes} of ${facts.bytes} bytes`)
  } finally {
    await file.close()
  }
  if (bytes !== facts.bytes)
    throw new SnapshotError('cut', `The snapshot has ${facts.bytes} bytes, and ${bytes} came: try again.`)
  if (hash.digest('hex') !== facts.sha256)
    throw new SnapshotError('wrong-hash', 'The snapshot is not what the other node hashed: try again.')
}

function asCut(error: unknown, nodeId: string, how: string): Error {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC')
    return new SnapshotError('no-room', 'The disk became full while the snapshot came.', { cause: error })
  if (error instanceof PeerError) return error
  return new SnapshotError('cut', `The snapshot of node ${nodeId} was cut off after ${how}: try again.`, {
    cause: error,
  })
}

async function checkDatabase(path: string, facts: SnapshotFacts, signal: AbortSignal): Promise<void> {
  const result = await runSnapshotTask({ task: 'check', file: path }, { timeoutMs: checkMs, signal }).catch(
    (error: unknown) => {
      if (!(error instanceof SnapshotTaskError)) throw error
      throw new SnapshotError('damaged', `The snapshot cannot be opened: ${error.message}.`, { cause: error })
    },
  )
  if (result.t !== 'checked') throw new SnapshotError('damaged', 'The snapshot was not checked.')
  if (result.problem !== null)
    throw new SnapshotError('damaged', `The snapshot cannot be used: ${result.problem}.`)
  const { generation, revision, index, chain } = result.facts
  if (
    generation === facts.generation &&
    revision === facts.revision &&
    index === facts.index &&
    chain === facts.chain
  )
    return
  throw new SnapshotError('wrong-log', 'The snapshot is of another state than the other node says.')
}

/** The check opened it as a database, which may leave empty files beside it. */
async function makeDurable(paths: ReturnType<typeof incomingPaths>, steps: FileSteps): Promise<void> {
  for (const suffix of ['-wal', '-shm']) await steps.remove(`${paths.database}${suffix}`)
  await steps.syncFile(paths.database)
  await steps.syncFolder(paths.folder)
}
