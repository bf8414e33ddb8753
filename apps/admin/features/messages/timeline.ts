/** Turns a channel's entries into what is drawn: days, the unread line, and messages grouped by their sender. */
import type { Entry } from '@holdfast/api/contract/frames'

/** Messages of one sender closer together than this share one heading. */
export const groupGapMs = 5 * 60_000

export type TimelineItem =
  | { kind: 'day'; key: string; at: number }
  | { kind: 'unread'; key: string }
  | { kind: 'notice'; key: string; entry: Entry }
  | { kind: 'message'; key: string; entry: Entry; opensGroup: boolean }

/** The calendar day in the reader's own time zone. */
export function dayKey(at: number): string {
  const date = new Date(at)
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`
}

/**
 * @param unreadAfter the read mark when the person opened the channel; the line stands below it. Null: no line.
 * @param me own entries never begin the unread part.
 */
export function timeline(entries: readonly Entry[], unreadAfter: number | null, me: string): TimelineItem[] {
  const items: TimelineItem[] = []
  let day = ''
  let previous: Entry | null = null
  // The line says that everything above it was read; a window that begins behind it does not know.
  const oldest = entries[0]?.seq ?? 0
  let lineDrawn = unreadAfter === null || oldest > unreadAfter + 1
  for (const entry of entries) {
    // Edits and deletions show on the entry that they change.
    if (entry.kind === 'edit' || entry.kind === 'delete') continue
    const today = dayKey(entry.at)
    if (today !== day) {
      items.push({ kind: 'day', key: `day-${today}-${entry.seq}`, at: entry.at })
      day = today
      previous = null
    }
    if (!lineDrawn && unreadAfter !== null && entry.seq > unreadAfter && entry.from !== me) {
      items.push({ kind: 'unread', key: 'unread' })
      lineDrawn = true
      previous = null
    }
    if (entry.kind === 'notice') {
      items.push({ kind: 'notice', key: `e${entry.seq}`, entry })
      previous = null
      continue
    }
    const opensGroup: boolean =
      previous === null || previous.from !== entry.from || entry.at - previous.at > groupGapMs
    items.push({ kind: 'message', key: `e${entry.seq}`, entry, opensGroup })
    previous = entry
  }
  return items
}

/** Whether the message at `index` is the last one under its heading: the place for what is said of the whole group. */
export function closesGroup(items: readonly TimelineItem[], index: number): boolean {
  const next = items[index + 1]
  return next === undefined || next.kind !== 'message' || next.opensGroup
}
