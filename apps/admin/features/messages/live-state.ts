/**
 * Everything the message pages show that comes over the client protocol, and how each frame changes it. Pure functions
 * over one immutable state; live-store.ts keeps it and messaging.ts feeds it.
 */
import type { ChannelState, Entry, PresenceState, ServerFrame } from '@holdfast/api/contract/frames'
import { limits } from '@holdfast/api/contract/limits'
import { type Conversation, receive } from './conversation.ts'

export type ReadyFrame = Extract<ServerFrame, { t: 'ready' }>
export type MarksFrame = Extract<ServerFrame, { t: 'marks' }>
export type ChannelFrame = Extract<ServerFrame, { t: 'channel' }>
export type TypingFrame = Extract<ServerFrame, { t: 'typing' }>

/** A typing sign counts so long after the last one; the composer sends one every third of it. */
export const typingMs = 6_000

export interface Link {
  /** `waiting`: the connection is gone and is tried again; `stopped`: trying again is of no use. */
  state: 'connecting' | 'live' | 'waiting' | 'stopped'
  /** Milliseconds since 1970, by this computer's clock. */
  since: number
  reason: { code: string; message: string } | null
}

export interface Mark {
  delivered: number
  read: number
}

export interface LiveState {
  link: Link
  me: ReadyFrame['person'] | null
  channels: ReadonlyMap<string, ChannelState>
  presence: ReadonlyMap<string, PresenceState>
  conversations: ReadonlyMap<string, Conversation>
  /** By channel, by person; only what came live, on top of what a query said. */
  marks: ReadonlyMap<string, ReadonlyMap<string, Mark>>
  /** By channel, by person: until when the sign counts, by this computer's clock. */
  typing: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** The newest message of somebody else, for the screen reader's live region. */
  news: Entry | null
}

export const initialState = (now: number): LiveState => ({
  link: { state: 'connecting', since: now, reason: null },
  me: null,
  channels: new Map(),
  presence: new Map(),
  conversations: new Map(),
  marks: new Map(),
  typing: new Map(),
  news: null,
})

function withKey<K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> {
  return new Map(map).set(key, value)
}

function withoutKey<K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  if (!map.has(key)) return map
  const next = new Map(map)
  next.delete(key)
  return next
}

/** Takes the person and the channels that the node named when it let this connection in. */
export function onChannels(
  state: LiveState,
  me: ReadyFrame['person'],
  channels: Iterable<ChannelState>,
): LiveState {
  // The client goes on counting in its own objects; what is kept here has to stay as it is.
  const merged = [...channels].map((channel) => newest(state.channels.get(channel.id), channel))
  return { ...state, me, channels: new Map(merged.map((channel) => [channel.id, channel])) }
}

/** The node's word, except for what has come or been read here since. */
function newest(known: ChannelState | undefined, told: ChannelState): ChannelState {
  if (known === undefined) return { ...told }
  const head = Math.max(known.head, told.head)
  const read = Math.max(known.read, told.read)
  const isAhead = known.head > told.head || (known.head === told.head && known.read > told.read)
  const left = head - Math.max(read, told.floor - 1)
  return { ...told, head, read, unread: Math.max(0, Math.min(isAhead ? known.unread : told.unread, left)) }
}

/** Counts anew after reading up to `read`: exactly where the entries are loaded, otherwise at most what is left. */
function readUpTo(state: LiveState, channel: ChannelState, read: number): ChannelState {
  if (read <= channel.read) return channel
  const entries = state.conversations.get(channel.id)?.entries ?? []
  const isLoaded = (entries[0]?.seq ?? read + 2) <= read + 1 && (entries.at(-1)?.seq ?? 0) >= channel.head
  const unread = isLoaded
    ? entries.filter((entry) => entry.seq > read && isMessageOfOthers(entry, state.me?.id)).length
    : Math.min(channel.unread, Math.max(0, channel.head - read))
  return { ...channel, read, unread }
}

function isMessageOfOthers(entry: Entry, me: string | undefined): boolean {
  return entry.kind === 'text' && entry.from !== me
}

/** A new state of the connection; `since` moves only when the state does. */
export function onLink(
  state: LiveState,
  { state: link, reason, now }: { state: Link['state']; reason: Link['reason']; now: number },
): LiveState {
  const isTrying = link === 'connecting' && state.link.state === 'waiting'
  // While it is tried again the loss goes on: the banner counts from when the connection went away.
  if (isTrying) return state
  const since = link === state.link.state ? state.link.since : now
  return { ...state, link: { state: link, since, reason } }
}

export function onChannel(state: LiveState, frame: ChannelFrame): LiveState {
  const { id } = frame.channel
  if (frame.change === 'removed')
    return {
      ...state,
      channels: withoutKey(state.channels, id),
      conversations: withoutKey(state.conversations, id),
    }
  const channel = frame.change === 'added' ? frame.channel : newest(state.channels.get(id), frame.channel)
  return { ...state, channels: withKey(state.channels, id, channel) }
}

/** What counts as read by itself: what I wrote, and changes to messages, when everything before was read. */
function readsItself(channel: ChannelState, entry: Entry, me: string | undefined): boolean {
  return channel.read >= entry.seq - 1 && (entry.from === me || entry.kind !== 'text')
}

function withEntry(channel: ChannelState, entry: Entry, me: string | undefined): ChannelState {
  const head = Math.max(channel.head, entry.seq)
  const read = readsItself(channel, entry, me) ? Math.max(channel.read, entry.seq) : channel.read
  // What the node has named as its newest it has counted.
  const isUnread = entry.seq > Math.max(channel.head, read) && isMessageOfOthers(entry, me)
  return { ...channel, head, read, unread: isUnread ? channel.unread + 1 : channel.unread }
}

export function onEntry(state: LiveState, entry: Entry): LiveState {
  const me = state.me?.id
  const channel = state.channels.get(entry.channel)
  const conversation = state.conversations.get(entry.channel)
  const typing = state.typing.get(entry.channel)
  return {
    ...state,
    channels:
      channel === undefined
        ? state.channels
        : withKey(state.channels, entry.channel, withEntry(channel, entry, me)),
    conversations:
      conversation === undefined
        ? state.conversations
        : withKey(state.conversations, entry.channel, receive(conversation, entry, me ?? '')),
    typing:
      typing?.has(entry.from) === true
        ? withKey(state.typing, entry.channel, withoutKey(typing, entry.from))
        : state.typing,
    news: entry.kind === 'text' && entry.from !== me ? entry : state.news,
  }
}

export function onMarks(state: LiveState, frame: MarksFrame): LiveState {
  const known = state.marks.get(frame.channel) ?? new Map<string, Mark>()
  const before = known.get(frame.person)
  const mark = {
    delivered: Math.max(before?.delivered ?? 0, frame.delivered),
    read: Math.max(before?.read ?? 0, frame.read),
  }
  const channel = state.channels.get(frame.channel)
  const isMine = frame.person === state.me?.id && channel !== undefined
  return {
    ...state,
    marks: withKey(state.marks, frame.channel, withKey(known, frame.person, mark)),
    channels: isMine
      ? withKey(state.channels, frame.channel, {
          ...readUpTo(state, channel, frame.read),
          delivered: Math.max(channel.delivered, frame.delivered),
        })
      : state.channels,
  }
}

/** The facility was restored or recovered: what is held here may be no more, and is loaded anew. */
export function onBranch(state: LiveState): LiveState {
  return { ...state, channels: new Map(), conversations: new Map(), marks: new Map(), news: null }
}

/** Notes that this person has read up to `seq` here, before the node repeats it to the person's other devices. */
export function onOwnRead(state: LiveState, channelId: string, seq: number): LiveState {
  const channel = state.channels.get(channelId)
  if (channel === undefined || channel.read >= seq) return state
  return { ...state, channels: withKey(state.channels, channelId, readUpTo(state, channel, seq)) }
}

export function onPresence(state: LiveState, people: readonly PresenceState[]): LiveState {
  const presence = new Map(state.presence)
  for (const person of people) presence.set(person.person, person)
  return { ...state, presence }
}

export function onTyping(state: LiveState, frame: TypingFrame, now: number): LiveState {
  if (frame.person === state.me?.id) return state
  const known = state.typing.get(frame.channel) ?? new Map<string, number>()
  return {
    ...state,
    typing: withKey(state.typing, frame.channel, withKey(known, frame.person, now + typingMs)),
  }
}

/** Drops typing signs that are over; the same state when there is none. */
export function expireTyping(state: LiveState, now: number): LiveState {
  let isChanged = false
  const typing = new Map<string, ReadonlyMap<string, number>>()
  for (const [channel, people] of state.typing) {
    const still = new Map([...people].filter(([, until]) => until > now))
    if (still.size < people.size) isChanged = true
    if (still.size > 0) typing.set(channel, still)
  }
  return isChanged ? { ...state, typing } : state
}

export function withConversation(
  state: LiveState,
  channel: string,
  change: (conversation: Conversation) => Conversation,
): LiveState {
  const known = state.conversations.get(channel)
  return known === undefined
    ? state
    : { ...state, conversations: withKey(state.conversations, channel, change(known)) }
}

export function setConversation(state: LiveState, channel: string, conversation: Conversation): LiveState {
  return { ...state, conversations: withKey(state.conversations, channel, conversation) }
}

export function dropConversation(state: LiveState, channel: string): LiveState {
  return { ...state, conversations: withoutKey(state.conversations, channel) }
}

/** How many messages are unread, in words; null for none. */
export function unreadText(unread: number): string | null {
  if (unread <= 0) return null
  return unread < limits.unreadMessages ? String(unread) : `${limits.unreadMessages - 1}+`
}
