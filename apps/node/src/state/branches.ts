/**
 * Branches of the past. A state that is restored from a backup, or goes on without what lost nodes had confirmed, gives
 * sequences again that somebody may have seen with other entries. From there on it is another branch, and it remembers
 * which entries it shares with the one before: a client that comes with a place on an older branch goes back to those.
 */
import type Database from 'better-sqlite3'
import type { Directory } from './directory.ts'

export const branchSetting = 'branches'
/** The branch of a facility that never was restored nor recovered. */
export const firstBranch = '0'
/** Branches that are remembered; a place on an older one is worth nothing. */
export const keptBranches = 8

export interface Branch {
  id: string
  /** Milliseconds since 1970 of the state that it begins with. */
  at: number
  /** Channel number, head, channel number, head, …: what it shares with the branch before; a channel that is not named had nothing. */
  heads: number[]
}

/** The branch begins with the state as it is now; once for each id. Part of the transaction that is open. */
export function beginBranch(db: Database.Database, { id, at }: { id: string; at: number }): void {
  const stored = db.prepare('SELECT value FROM setting WHERE key = ?').pluck().get(branchSetting)
  const known = typeof stored === 'string' ? (JSON.parse(stored) as Branch[]) : []
  if (known.at(-1)?.id === id) return
  const heads = db
    .prepare('SELECT no, head FROM channel WHERE head > 0 ORDER BY no')
    .raw()
    .all() as number[][]
  const branches = [...known, { id, at, heads: heads.flat() }].slice(-keptBranches)
  db.prepare(
    'INSERT INTO setting (key, value, updatedAt) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = version + 1, updatedAt = excluded.updatedAt',
  ).run(branchSetting, JSON.stringify(branches), at)
}

const branchesOf = (directory: Pick<Directory, 'setting'>) => directory.setting<Branch[]>(branchSetting, [])

export function currentBranch(directory: Pick<Directory, 'setting'>): string {
  return branchesOf(directory).at(-1)?.id ?? firstBranch
}

/**
 * How far a channel, by its number, is the same on the branch `from` and on the current one; null when it is the current
 * one. Of a branch that is not known nothing is the same.
 */
export function sharedWith(
  directory: Pick<Directory, 'setting'>,
  from: string,
): ((channelNo: number) => number) | null {
  const branches = branchesOf(directory)
  if (from === (branches.at(-1)?.id ?? firstBranch)) return null
  const place = branches.findIndex(({ id }) => id === from)
  // Once the oldest may be forgotten, the first branch is as unknown as they are.
  const isFirst = from === firstBranch && branches.length < keptBranches
  if (place < 0 && !isFirst) return () => 0
  const forks = branches.slice(place + 1).map(({ heads }) => pairs(heads))
  return (channelNo) => Math.min(...forks.map((heads) => heads.get(channelNo) ?? 0))
}

function pairs(flat: readonly number[]): Map<number, number> {
  const map = new Map<number, number>()
  for (let i = 0; i + 1 < flat.length; i += 2) map.set(flat[i] as number, flat[i + 1] as number)
  return map
}
