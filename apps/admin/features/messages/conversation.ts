/**
 * What the browser holds of one channel: a contiguous window of entries, and the sends still on their way.
 * Everything here is pure, so that the order of pages, live entries and acknowledgements can be tested.
 */
import type { Entry } from '@holdfast/api/contract/frames'
import type { Priority } from '@holdfast/api/contract/names'

/** Entries kept in the window; beyond it the far end is dropped and fetched again when somebody scrolls there. */
export const windowEntriesMax = 600

export interface PendingSend {
  /** The client message id: a retry with the same id can not make a second message. */
  id: string
  body: string
  priority: Priority
  reply: number | null
  at: number
  /** Why it failed, in words; null while it is on its way. */
  failure: string | null
}

export interface Conversation {
  /** Sorted by sequence, without a gap between the first and the last. */
  entries: readonly Entry[]
  /** Oldest sequence that retention has left. */
  floor: number
  /** Newest sequence known to exist. */
  head: number
  pending: readonly PendingSend[]
}

export const emptyConversation: Conversation = { entries: [], floor: 1, head: 0, pending: [] }

export interface EntryPage {
  entries: readonly Entry[]
  floor: number
  head: number
}

/** Whether the window reaches the newest entry, so that a live entry can be appended to it. */
export function reachesHead(state: Conversation): boolean {
  return (state.entries.at(-1)?.seq ?? state.head) >= state.head
}

/** Whether there may be entries above the window that are not loaded yet. */
export function hasOlder(state: Conversation): boolean {
  const oldest = state.entries[0]
  return oldest !== undefined && oldest.seq > Math.max(1, state.floor)
}

function revise(entry: Entry, change: Entry): Entry {
  if (entry.kind !== 'text' || entry.seq !== change.target || (entry.revision ?? 0) >= change.seq)
    return entry
  return change.kind === 'delete'
    ? { ...entry, body: '', deleted: true, revision: change.seq }
    : { ...entry, body: change.body, revision: change.seq }
}

const isChange = (entry: Entry) => entry.kind === 'edit' || entry.kind === 'delete'

/** Drops the sends that the entries show to have been stored. */
function withoutStored(pending: readonly PendingSend[], entries: readonly Entry[], me: string) {
  if (pending.length === 0) return pending
  const stored = new Set(entries.filter((entry) => entry.from === me).map((entry) => entry.id))
  return pending.some((send) => stored.has(send.id))
    ? pending.filter((send) => !stored.has(send.id))
    : pending
}

/** Puts a page in place of the window: the newest page, or one around an entry that was searched for. */
export function showPage(state: Conversation, page: EntryPage, me: string): Conversation {
  return {
    entries: page.entries,
    floor: page.floor,
    head: Math.max(page.head, page.entries.at(-1)?.seq ?? 0),
    pending: withoutStored(state.pending, page.entries, me),
  }
}

/** Joins a page to the window's upper or lower end; the other end is cut to the bound. Overlap is harmless. */
export function extend(
  state: Conversation,
  page: EntryPage,
  side: 'older' | 'newer',
  me: string,
): Conversation {
  const bySeq = new Map<number, Entry>()
  for (const entry of [...state.entries, ...page.entries]) {
    const known = bySeq.get(entry.seq)
    if (known === undefined || (known.revision ?? 0) <= (entry.revision ?? 0)) bySeq.set(entry.seq, entry)
  }
  const merged = [...bySeq.values()].sort((a, b) => a.seq - b.seq)
  const entries = side === 'older' ? merged.slice(0, windowEntriesMax) : merged.slice(-windowEntriesMax)
  return {
    entries,
    floor: page.floor,
    head: Math.max(state.head, page.head),
    pending: withoutStored(state.pending, page.entries, me),
  }
}

/**
 * Takes one live entry. It is appended when it follows the window's last; otherwise only the head moves, and the
 * view fetches what lies between when the person goes there.
 */
export function receive(state: Conversation, entry: Entry, me: string): Conversation {
  const last = state.entries.at(-1)
  const contiguous = last === undefined ? state.head + 1 >= entry.seq : entry.seq === last.seq + 1
  const revised = isChange(entry) ? state.entries.map((known) => revise(known, entry)) : state.entries
  const entries = contiguous ? [...revised, entry].slice(-windowEntriesMax) : revised
  return {
    entries,
    floor: state.floor,
    head: Math.max(state.head, entry.seq),
    pending: withoutStored(state.pending, [entry], me),
  }
}

/** Adds a send that was just handed to the connection, or puts a retried one back on its way. */
export function begin(state: Conversation, send: PendingSend): Conversation {
  const others = state.pending.filter((known) => known.id !== send.id)
  return { ...state, pending: [...others, { ...send, failure: null }] }
}

export function fail(state: Conversation, id: string, failure: string): Conversation {
  return {
    ...state,
    pending: state.pending.map((send) => (send.id === id ? { ...send, failure } : send)),
  }
}

export function discard(state: Conversation, id: string): Conversation {
  return { ...state, pending: state.pending.filter((send) => send.id !== id) }
}
