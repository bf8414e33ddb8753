import type { ChannelState, Entry } from '@holdfast/api/contract/frames'
import { expect, test } from 'vitest'
import { emptyConversation } from './conversation.ts'
import {
  expireTyping,
  initialState,
  type LiveState,
  onBranch,
  onChannel,
  onChannels,
  onEntry,
  onLink,
  onMarks,
  onOwnRead,
  onTyping,
  setConversation,
  typingMs,
  unreadText,
} from './live-state.ts'

const id = 'ch_00000000000000000001'
const channel = (more: Partial<ChannelState> = {}): ChannelState => ({
  id,
  name: 'watch',
  kind: 'group',
  topic: '',
  head: 4,
  floor: 1,
  delivered: 4,
  read: 4,
  unread: 0,
  archived: false,
  mayPost: true,
  ...more,
})
const entry = (seq: number, from: string, kind: Entry['kind'] = 'text'): Entry => ({
  channel: id,
  seq,
  id: `m${seq}`,
  from,
  at: seq,
  kind,
  body: 'text',
})
const ready = (more: Partial<ChannelState> = {}): LiveState =>
  onChannels(initialState(0), { id: 'me', name: 'me', displayName: 'Me', role: 'member' }, [channel(more)])
const unread = (state: LiveState) => state.channels.get(id)?.unread

test('after a restore the node is believed, also where it has less than this page had', () => {
  const before = setConversation(onEntry(ready(), entry(5, 'ana')), id, emptyConversation)
  const after = onChannels(onBranch(before), { id: 'me', name: 'me', displayName: 'Me', role: 'member' }, [
    channel({ head: 2, read: 1, unread: 1 }),
  ])
  expect(after.channels.get(id)).toMatchObject({ head: 2, read: 1, unread: 1 })
  expect(after.conversations.size).toBe(0)
})

test('a message of somebody else is unread until it is read, my own never is', () => {
  let state = onEntry(ready(), entry(5, 'ana'))
  expect(unread(state)).toBe(1)
  expect(state.news?.seq).toBe(5)
  state = onEntry(state, entry(6, 'me'))
  expect(unread(state)).toBe(1)
  state = onOwnRead(state, id, 6)
  expect(unread(state)).toBe(0)
  state = onEntry(state, entry(7, 'me'))
  expect(unread(state)).toBe(0)
  state = onEntry(state, entry(8, 'ana', 'edit'))
  expect(unread(state)).toBe(0)
  expect(state.news?.seq).toBe(5)
})

test('regression: edits, deletions and own messages are not counted', () => {
  let state = ready({ head: 5, unread: 1 })
  for (const each of [entry(6, 'ana', 'edit'), entry(7, 'ana', 'delete'), entry(8, 'me'), entry(9, 'ana')])
    state = onEntry(state, each)
  expect(unread(state)).toBe(2)
  // An entry that the node has counted comes again with the page of what was missed.
  state = onEntry(state, entry(5, 'ana'))
  expect(unread(state)).toBe(2)
})

test('what is read in part is counted from the loaded entries, or bounded by what is left', () => {
  const read = (state: LiveState) => unread(onOwnRead(state, id, 6))
  const state = ready({ head: 9, unread: 4 })
  expect(read(state)).toBe(3)
  const entries = [entry(6, 'ana'), entry(7, 'ana', 'edit'), entry(8, 'me'), entry(9, 'ana')]
  const loaded = { ...emptyConversation, entries, head: 9 }
  expect(read(setConversation(state, id, loaded))).toBe(1)
  expect(read(setConversation(state, id, { ...loaded, entries: entries.slice(2) }))).toBe(3)
})

test('what the node says anew keeps what has come and been read here since', () => {
  const told = (state: LiveState, more: Partial<ChannelState>) =>
    unread(onChannel(state, { t: 'channel', change: 'updated', channel: channel(more) }))
  const state = onEntry(onEntry(ready(), entry(5, 'ana')), entry(6, 'ana'))
  expect(told(state, { head: 5, unread: 1 })).toBe(2)
  expect(told(state, { head: 8, unread: 4 })).toBe(4)
  expect(told(state, { head: 6, read: 5, unread: 1 })).toBe(1)
  const done = onOwnRead(state, id, 6)
  expect(told(done, { head: 6, unread: 2 })).toBe(0)
  expect(told(done, { head: 7, unread: 3 })).toBe(1)
})

test('many unread messages are not counted to the end', () => {
  expect([0, 1, 99, 100, 2000].map(unreadText)).toEqual([null, '1', '99', '99+', '99+'])
})

test('marks never go back, and my own from another device count here', () => {
  let state = onMarks(ready({ head: 9, unread: 5 }), {
    t: 'marks',
    channel: id,
    person: 'ana',
    delivered: 6,
    read: 5,
  })
  state = onMarks(state, { t: 'marks', channel: id, person: 'ana', delivered: 5, read: 4 })
  expect(state.marks.get(id)?.get('ana')).toEqual({ delivered: 6, read: 5 })
  expect(unread(state)).toBe(5)
  state = onMarks(state, { t: 'marks', channel: id, person: 'me', delivered: 9, read: 8 })
  expect(unread(state)).toBe(1)
})

test('somebody types until the sign is over or the message is there', () => {
  const typing = onTyping(ready(), { t: 'typing', channel: id, person: 'ana' }, 1000)
  expect(expireTyping(typing, 1000 + typingMs - 1)).toBe(typing)
  expect(expireTyping(typing, 1000 + typingMs).typing.size).toBe(0)
  expect(onEntry(typing, entry(5, 'ana')).typing.get(id)?.size).toBe(0)
  expect(onTyping(ready(), { t: 'typing', channel: id, person: 'me' }, 1000).typing.size).toBe(0)
})

test('a channel that the person left takes its conversation with it', () => {
  const state = setConversation(ready(), id, emptyConversation)
  const left = onChannel(state, { t: 'channel', change: 'removed', channel: { id } })
  expect(left.channels.has(id)).toBe(false)
  expect(left.conversations.has(id)).toBe(false)
})

test('the loss of the connection is counted from its beginning, through every attempt', () => {
  const lost = onLink(initialState(0), { state: 'waiting', reason: null, now: 5 })
  const trying = onLink(lost, { state: 'connecting', reason: null, now: 9 })
  const again = onLink(trying, { state: 'waiting', reason: { code: '', message: 'gone' }, now: 12 })
  expect(again.link).toEqual({ state: 'waiting', since: 5, reason: { code: '', message: 'gone' } })
  expect(onLink(again, { state: 'live', reason: null, now: 20 }).link.since).toBe(20)
})
