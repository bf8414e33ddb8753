/**
 * Everything the message pages show that comes over the client protocol, and how each frame changes it. Pure functions
 * over one immutable state; live-store.ts keeps it and messaging.ts feeds it.
 */
import type { ChannelState, Entry, PresenceState, ServerFrame } from '@holdfast/api/contract/frames'
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
  return { ...state, me, channels: new Map([...channels].map((channel) => [channel.id, { ...channel }])) }
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
  return { ...state, channels: withKey(state.channels, id, frame.channel) }
}

/** What counts as read by itself: what I wrote, and changes to messages, when everything before was read. */
function readsItself(channel: ChannelState, entry: Entry, me: string | undefined): boolean {
  return channel.read >= entry.seq - 1 && (entry.from === me || entry.kind !== 'text')
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
        : withKey(state.channels, entry.channel, {
            ...channel,
            head: Math.max(channel.head, entry.seq),
            read: readsItself(channel, entry, me) ? Math.max(channel.read, entry.seq) : channel.read,
          }),
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
          ...channel,
          delivered: Math.max(channel.delivered, frame.delivered),
          read: Math.max(channel.read, frame.read),
        })
      : state.channels,
  }
}

/** Notes that this person has read up to `seq` here, before the node repeats it to the person's other devices. */
export function onOwnRead(state: LiveState, channelId: string, seq: number): LiveState {
  const channel = state.channels.get(channelId)
  if (channel === undefined || channel.read >= seq) return state
  return { ...state, channels: withKey(state.channels, channelId, { ...channel, read: seq }) }
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

/** Entries that the person has not read. */
export function unreadCount(channel: ChannelState): number {
  return Math.max(0, channel.head - Math.max(channel.read, channel.floor - 1))
}
