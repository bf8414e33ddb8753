/** Sends a snapshot of cluster.db to another member. */
import { createReadStream } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { peerBounds } from './bounds.ts'
import { snapshotHeaders } from './peer-protocol.ts'

/** What a snapshot is of. */
export interface SnapshotFacts {
  /** Generation of the log that it is of. */
  generation: string
  /** etcd revision, index and chain (hex) of the newest entry in it. */
  revision: number
  index: number
  chain: string
  bytes: number
  /** Hex. */
  sha256: string
}

/** A made snapshot, kept for this reader until it is released. */
export interface HeldSnapshot extends SnapshotFacts {
  file: string
  release(): void
}

export interface SnapshotSource {
  /**
   * Makes a snapshot, or shares one that was just made if it has at least this etcd revision.
   * @throws HoldfastError when it cannot
   */
  take(minRevision: number): Promise<HeldSnapshot>
}

const sending = new WeakMap<SnapshotSource, number>()

/** Streams a fresh snapshot. While it is made the other side is told so, and knows that this node lives. */
export async function sendSnapshot(
  source: SnapshotSource,
  response: ServerResponse,
  { generation, minRevision, stallMs }: { generation: string; minRevision: number; stallMs: number },
): Promise<void> {
  const readers = sending.get(source) ?? 0
  if (readers >= peerBounds.snapshotReaders)
    throw new HoldfastError('busy', `This node sends ${readers} snapshots already; try again later.`)
  sending.set(source, readers + 1)
  const progress = setInterval(() => {
    if (!response.headersSent && !response.destroyed) response.writeProcessing()
  }, peerBounds.snapshotProgressMs)
  try {
    const snapshot = await source.take(minRevision)
    clearInterval(progress)
    try {
      if (snapshot.generation !== generation)
        throw new HoldfastError('conflict', 'The log of this node is of another generation than the node.')
      await send(snapshot, response, stallMs)
    } finally {
      snapshot.release()
    }
  } finally {
    clearInterval(progress)
    sending.set(source, (sending.get(source) ?? 1) - 1)
  }
}

async function send(snapshot: HeldSnapshot, response: ServerResponse, stallMs: number): Promise<void> {
  if (response.destroyed) return
  response.writeHead(200, {
    'Content-Type': 'application/vnd.sqlite3',
    'Content-Length': snapshot.bytes,
    [snapshotHeaders.generation]: snapshot.generation,
    [snapshotHeaders.revision]: snapshot.revision,
    [snapshotHeaders.index]: snapshot.index,
    [snapshotHeaders.chain]: snapshot.chain,
    [snapshotHeaders.sha256]: snapshot.sha256,
  })
  const stall = watchProgress(response, stallMs)
  try {
    const file = createReadStream(snapshot.file, { end: snapshot.bytes - 1 })
    await pipeline(file, response, { end: false })
    // A file that became shorter must not leave the reader waiting for the rest.
    if (file.bytesRead === snapshot.bytes) response.end()
    else response.destroy()
  } catch {
    // The reader went away or stood still; it comes again when it wants to.
    response.destroy()
  } finally {
    clearInterval(stall)
  }
}

/** Cuts a reader of whom nothing was heard for a while, or who takes for ever. */
function watchProgress(response: ServerResponse, stallMs: number): NodeJS.Timeout {
  let seen = -1
  let left = peerBounds.snapshotMs
  return setInterval(() => {
    const written = response.socket?.bytesWritten ?? seen
    left -= stallMs
    if (written === seen || left <= 0) response.destroy()
    seen = written
  }, stallMs)
}
