/**
 * Removes a large file a piece at a time. A gigabyte that goes at once is one transaction of the file system, which gives its blocks back,
 * and tells the disk so where it is mounted with `discard`, while every other writer waits: a tenth of a second and more.
 */
import { constants } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { setTimeout as later } from 'node:timers/promises'

const pieceBytes = 16 * 1024 * 1024
/** Between two pieces: what waited for the disk comes first. */
const pauseMs = 20

/** @param signal aborted: what is left goes at once */
export async function removeGently(path: string, signal?: AbortSignal): Promise<void> {
  await shrink(path, signal)
  await rm(path, { force: true })
}

async function shrink(path: string, signal: AbortSignal | undefined): Promise<void> {
  const file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW).catch(() => null)
  // What cannot be opened, or is a link, is removed, or refused, as it is.
  if (file === null) return
  try {
    const { size: whole, nlink } = await file.stat()
    // Under another name somebody keeps it.
    if (nlink > 1) return
    for (let size = whole; size > pieceBytes && !signal?.aborted; ) {
      size = Math.max(0, size - pieceBytes)
      await file.truncate(size)
      // A transaction of its own for each piece.
      await file.sync()
      await later(pauseMs, null, { signal }).catch(() => {})
    }
  } finally {
    await file.close()
  }
}
