import { statfs } from 'node:fs/promises'

export interface DiskSpace {
  /** What this user may still write; the part reserved for root does not count. */
  freeBytes: number
  totalBytes: number
}

/** `low`: tell people. `full`: refuse writes while reads and logins go on. */
export type DiskLevel = 'ok' | 'low' | 'full'

/** Bounds of free space. Each is the smaller of a size and a share, so that small volumes work too. */
export const diskBounds = {
  lowBytes: 2 * 1024 ** 3,
  lowShare: 0.1,
  /** Leaves room to checkpoint the write-ahead log and to write the audit segments of what was accepted. */
  fullBytes: 64 * 1024 ** 2,
  fullShare: 0.02,
  /** Writes are taken again once this multiple of the full bound is free, so that the state does not flutter. */
  resumeFactor: 2,
} as const

/** Free and total space of the file system that holds `path`. */
export async function diskSpace(path: string): Promise<DiskSpace> {
  const found = await statfs(path)
  return { freeBytes: found.bavail * found.bsize, totalBytes: found.blocks * found.bsize }
}

/** The level for this much space; `before` is the last level, because leaving `full` takes more than not entering it. */
export function diskLevel(space: DiskSpace, before: DiskLevel): DiskLevel {
  const full = Math.min(diskBounds.fullBytes, space.totalBytes * diskBounds.fullShare)
  if (space.freeBytes < full * (before === 'full' ? diskBounds.resumeFactor : 1)) return 'full'
  const low = Math.min(diskBounds.lowBytes, space.totalBytes * diskBounds.lowShare)
  return space.freeBytes < low ? 'low' : 'ok'
}
