/** Entries that wait for the index while the node is busy. */
const tolerableLag = 200_000
/** Entries behind from which on the index works without a pause, however busy the node is: search falls no further back. */
const longestLag = 5_000_000
/** Part of its time that the index works between the two. */
const busyShare = 1 / 20

/**
 * How long the index of a busy node rests after a chunk that took `tookMs`; null: until the node is less busy. Indexing
 * costs about what storing does, and who sends waits for storing only.
 */
export function indexPauseMs(lag: number, tookMs: number): number | null {
  if (lag < tolerableLag) return null
  return lag < longestLag ? tookMs * (1 / busyShare - 1) : 0
}
