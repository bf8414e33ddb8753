import type { Entry } from '@holdfast/api/contract/frames'
import { limits } from '@holdfast/api/contract/limits'
import { describe, expect, test } from 'vitest'
import { eventually, type Person, sharedNode } from '../harness.ts'
import { nextId, type RawClient } from '../raw-client.ts'

const shared = sharedNode()
const bodies = (entries: readonly Entry[]) => entries.map((entry) => entry.body)

/** Two people in a channel of the owner, connected. */
async function pair(kind: 'group' | 'open' | 'announcement' = 'group') {
  const { node } = shared
  const [anna, ben] = [await node.newPerson(), await node.newPerson()]
  const channel = await node.newChannel([anna, ben], kind)
  return { node, anna, ben, channel, a: await node.connect(anna), b: await node.connect(ben) }
}

const refusedWith = (code: string) => expect.objectContaining({ code })

describe('delivery', () => {
  test('everybody connected gets the same entries in the same order, each once', async () => {
    const { node, anna, ben, channel, a, b } = await pair()
    const phone = await node.connect(ben)
    const both = [a, b].flatMap((client, who) =>
      Array.from({ length: 40 }, (_, i) => client.say(channel, `${who}-${i}`)),
    )
    const acks = await Promise.all(both)
    const seqs = acks.map((ack) => ack.seq).sort((x, y) => x - y)
    expect(seqs).toEqual(Array.from({ length: 80 }, (_, i) => i + 1))
    for (const client of [a, b, phone]) await client.ping()
    const views = [a, b, phone].map((client) => client.all('entry'))
    expect(views[0]!.map((entry) => entry.seq)).toEqual(Array.from({ length: 80 }, (_, i) => i + 1))
    expect(views[1]).toEqual(views[0])
    expect(views[2]).toEqual(views[0])
    expect(new Set(views[0]!.map((entry) => entry.from))).toEqual(new Set([anna.id, ben.id]))
  })

  test('nobody outside gets anything, and cannot ask for it', async () => {
    const { node, channel, a } = await pair()
    const eve = await node.newPerson()
    const e = await node.connect(eve)
    await a.say(channel, 'for us')
    await e.ping()
    expect(e.all('entry')).toEqual([])
    for (const frame of [
      { t: 'send', channel, body: 'hello' },
      { t: 'edit', channel, seq: 1, body: 'x' },
      { t: 'delete', channel, seq: 1 },
      { t: 'history', channel },
    ])
      expect(await e.refused(frame)).toMatchObject({ code: 'not-member' })
    e.send({ t: 'sync', since: { [channel]: 0 } })
    await e.next('synced')
    expect(e.all('page')).toEqual([])
    await expect(eve.api.messages.page.query({ channel })).rejects.toEqual(refusedWith('not-member'))
    await expect(eve.api.channels.get.query({ id: channel })).rejects.toEqual(refusedWith('not-found'))
    expect((await eve.api.messages.search.query({ text: 'us' })).hits).toEqual([])
  })

  test('the same id is stored once; in another channel it is a conflict', async () => {
    const { node, anna, ben, channel, a, b } = await pair()
    const other = await node.newChannel([anna])
    const id = nextId()
    const first = await a.say(channel, 'once', { id })
    expect(await a.say(channel, 'once', { id })).toMatchObject({ seq: first.seq, duplicate: true })
    expect(await a.refused({ t: 'send', channel: other, id, body: 'once' })).toMatchObject({
      code: 'conflict',
    })
    // Ids are each sender's own.
    expect((await b.say(channel, 'mine', { id })).seq).toBe(first.seq + 1)
    const { entries } = await node.owner.api.messages.page.query({ channel })
    expect(entries.map((entry) => [entry.from, entry.body])).toEqual([
      [anna.id, 'once'],
      [ben.id, 'mine'],
    ])
  })

  test('text of any kind comes out as it went in', async () => {
    const { channel, a, b } = await pair()
    for (const body of [
      '"quotes" \\ and / slashes',
      '😀 é ü 漢字 \u202e',
      'two\nlines\t',
      '{"t":"entry"}',
      'x'.repeat(32 * 1024),
    ]) {
      const { seq } = await a.say(channel, body)
      expect((await b.next('entry', (entry) => entry.seq === seq)).body).toBe(body)
      expect((await b.history(channel, { limit: 1 })).entries[0]?.body).toBe(body)
    }
  })
})

describe('resume', () => {
  test('whoever was away gets exactly what he missed, edits and deletions among it', async () => {
    const { node, ben, channel, a, b } = await pair()
    for (const body of ['one', 'two', 'three']) await a.say(channel, body)
    await b.next('entry', (entry) => entry.seq === 3)
    await b.close()
    await a.edit(channel, 1, 'one, corrected')
    await a.remove(channel, 2)
    await a.say(channel, 'four', { reply: 3, priority: 'urgent' })
    const again = await node.raw()
    const { channels } = await again.authenticate(ben.token)
    expect(channels.find((each) => each.id === channel)).toMatchObject({ head: 6, floor: 1 })
    again.send({ t: 'sync', since: { [channel]: 3 } })
    const page = await again.next('page')
    await again.next('synced')
    expect(page.more).toBe(false)
    expect(page.entries).toMatchObject([
      { seq: 4, kind: 'edit', target: 1, body: 'one, corrected' },
      { seq: 5, kind: 'delete', target: 2, body: '' },
      { seq: 6, kind: 'text', target: 3, body: 'four', priority: 'urgent' },
    ])
    const whole = await again.history(channel, { after: 0 })
    expect(whole.entries.slice(0, 3)).toMatchObject([
      { seq: 1, body: 'one, corrected', revision: 4 },
      { seq: 2, body: '', deleted: true, revision: 5 },
      { seq: 3, body: 'three' },
    ])
  })

  test('a deleted text is nowhere, not even in the edit that once carried it', async () => {
    const { node, channel, a } = await pair()
    await a.say(channel, 'first secret')
    await a.edit(channel, 1, 'second secret')
    await a.remove(channel, 1)
    const { entries } = await node.owner.api.messages.page.query({ channel })
    expect(bodies(entries)).toEqual(['', '', ''])
  })

  test('the SDK brings every entry once and in order over restarts of the node', async () => {
    const { node, anna, ben, channel } = await pair()
    const speaker = node.sdk(anna)
    const listener = node.sdk(ben, { begin: 'oldest' })
    const heard: string[] = []
    listener.on('entry', (entry) => {
      if (entry.channel === channel) heard.push(entry.body)
    })
    await Promise.all([speaker.live(), listener.live()])
    const said: string[] = []
    for (let round = 0; round < 3; round++) {
      const words = Array.from({ length: 30 }, (_, i) => `${round}-${i}`)
      said.push(...words)
      const sent = words.map((word) => speaker.send(channel, word))
      if (round < 2) await node.restart()
      await Promise.all(sent)
    }
    await eventually('all are heard', async () => heard.length >= said.length)
    expect(heard).toEqual(said)
    speaker.close()
    listener.close()
  })
})

test('history is read in pages from either end', async () => {
  const { channel, a } = await pair()
  await Promise.all(Array.from({ length: 25 }, (_, i) => a.say(channel, `m${i + 1}`)))
  const numbers = (entries: readonly Entry[]) => entries.map((entry) => entry.seq)
  const newest = await a.history(channel, { limit: 10 })
  expect([numbers(newest.entries), newest.more, newest.head]).toEqual([
    [16, 17, 18, 19, 20, 21, 22, 23, 24, 25],
    true,
    25,
  ])
  const older = await a.history(channel, { limit: 10, before: 6 })
  expect([numbers(older.entries), older.more]).toEqual([[1, 2, 3, 4, 5], false])
  const forward = await a.history(channel, { limit: 3, after: 20 })
  expect([numbers(forward.entries), forward.more]).toEqual([[21, 22, 23], true])
  const between = await a.history(channel, { after: 4, before: 7 })
  expect(numbers(between.entries)).toEqual([5, 6])
  expect((await a.history(channel, { after: 25 })).entries).toEqual([])
})

describe('what may be changed', () => {
  test('only the author edits; author, manager and owner delete; never twice, never what is no message', async () => {
    const { node, channel, a, b } = await pair()
    const owner = await node.connect(node.owner)
    await a.say(channel, 'mine')
    expect(await b.refused({ t: 'edit', channel, seq: 1, body: 'x' })).toMatchObject({ code: 'forbidden' })
    expect(await b.refused({ t: 'delete', channel, seq: 1 })).toMatchObject({ code: 'forbidden' })
    expect(await owner.refused({ t: 'edit', channel, seq: 1, body: 'x' })).toMatchObject({
      code: 'forbidden',
    })
    expect(await a.refused({ t: 'edit', channel, seq: 9, body: 'x' })).toMatchObject({ code: 'not-found' })
    await a.edit(channel, 1, 'mine, better')
    expect(await a.refused({ t: 'edit', channel, seq: 2, body: 'x' })).toMatchObject({ code: 'not-found' })
    await owner.remove(channel, 1)
    expect(await a.refused({ t: 'edit', channel, seq: 1, body: 'back' })).toMatchObject({ code: 'conflict' })
    expect(await a.refused({ t: 'delete', channel, seq: 1 })).toMatchObject({ code: 'conflict' })
    expect(await a.refused({ t: 'send', channel, body: 'to what?', reply: 99 })).toMatchObject({
      code: 'not-found',
    })
  })

  test('in an announcement channel posters and managers write, the others read', async () => {
    const { node, ben, channel, a, b } = await pair('announcement')
    const state = (client: RawClient) => client.all('ready')[0]?.channels.find((each) => each.id === channel)
    expect(state(a)?.mayPost).toBe(false)
    expect(await a.refused({ t: 'send', channel, body: 'me too' })).toMatchObject({ code: 'forbidden' })
    await node.owner.api.channels.setMemberRole.mutate({ id: channel, person: ben.id, role: 'poster' })
    expect((await b.next('channel', (f) => f.change === 'updated' && f.channel.mayPost)).channel.id).toBe(
      channel,
    )
    await b.say(channel, 'hear ye')
    expect((await a.next('entry')).body).toBe('hear ye')
  })

  test('an archived channel is read-only until it is taken back', async () => {
    const { node, channel, a, b } = await pair()
    const kept = await a.say(channel, 'last words', { id: 'kept-1' })
    await node.owner.api.channels.archive.mutate({ id: channel })
    await b.next('channel', (f) => f.change === 'updated' && f.channel.archived && !f.channel.mayPost)
    expect(await a.refused({ t: 'send', channel, body: 'more' })).toMatchObject({ code: 'channel-archived' })
    // What was stored before is acknowledged again: the sender may have missed it.
    expect(await a.say(channel, 'last words', { id: 'kept-1' })).toMatchObject({
      seq: kept.seq,
      duplicate: true,
    })
    expect(await a.refused({ t: 'edit', channel, seq: 1, body: 'x' })).toMatchObject({
      code: 'channel-archived',
    })
    expect(bodies((await a.history(channel)).entries)).toEqual(['last words'])
    await node.owner.api.channels.unarchive.mutate({ id: channel })
    await a.next('channel', (f) => f.change === 'updated' && !f.channel.archived)
    expect((await a.say(channel, 'more')).seq).toBe(2)
  })
})

describe('who is in', () => {
  test('an open channel can be joined and left by oneself, live', async () => {
    const { node, channel, a } = await pair('open')
    const cara = await node.newPerson()
    const c = await node.connect(cara)
    await a.say(channel, 'before')
    await cara.api.channels.join.mutate({ id: channel })
    expect(await c.next('channel')).toMatchObject({ change: 'added', channel: { id: channel, head: 1 } })
    await a.say(channel, 'welcome')
    expect((await c.next('entry')).body).toBe('welcome')
    expect(bodies((await c.history(channel)).entries)).toEqual(['before', 'welcome'])
    await cara.api.channels.leave.mutate({ id: channel })
    expect(await c.next('channel', (f) => f.change === 'removed')).toMatchObject({ channel: { id: channel } })
    await a.say(channel, 'gone?')
    await c.ping()
    expect(c.all('entry')).toHaveLength(1)
    expect(await c.refused({ t: 'history', channel })).toMatchObject({ code: 'not-member' })
  })

  test('a group channel cannot be joined; only its managers change who is in it', async () => {
    const { node, anna, ben, channel } = await pair()
    const cara = await node.newPerson()
    await expect(cara.api.channels.join.mutate({ id: channel })).rejects.toEqual(refusedWith('forbidden'))
    const add = (by: Person) => by.api.channels.addMembers.mutate({ id: channel, members: [cara.id] })
    await expect(add(anna)).rejects.toEqual(refusedWith('forbidden'))
    await node.owner.api.channels.setMemberRole.mutate({ id: channel, person: anna.id, role: 'manager' })
    expect((await add(anna)).members.map((member) => member.id)).toContain(cara.id)
    await anna.api.channels.removeMembers.mutate({ id: channel, members: [ben.id] })
    await expect(ben.api.channels.get.query({ id: channel })).rejects.toEqual(refusedWith('not-found'))
  })

  test('members by group come and go with the group, live', async () => {
    const { node } = shared
    const [anna, ben] = [await node.newPerson(), await node.newPerson()]
    const { api } = node.owner
    const group = await api.groups.create.mutate({ name: `crew-${nextId()}`, members: [anna.id] })
    const { id } = await api.channels.create.mutate({
      name: `crew-${nextId()}`,
      kind: 'group',
      groups: [group.id],
    })
    const [a, b] = [await node.connect(anna), await node.connect(ben)]
    await a.say(id, 'alone')
    await api.groups.addMembers.mutate({ id: group.id, members: [ben.id] })
    expect(await b.next('channel')).toMatchObject({ change: 'added', channel: { id, head: 1 } })
    await a.say(id, 'hello ben')
    expect((await b.next('entry')).body).toBe('hello ben')
    await expect(ben.api.channels.leave.mutate({ id })).rejects.toEqual(refusedWith('conflict'))
    const { members } = await api.channels.get.query({ id })
    expect(members.find((member) => member.id === ben.id)).toMatchObject({ via: group.name })
    await api.groups.removeMembers.mutate({ id: group.id, members: [ben.id] })
    expect(await b.next('channel', (f) => f.change === 'removed')).toMatchObject({ channel: { id } })
    await api.groups.remove.mutate({ id: group.id })
    expect(await a.next('channel', (f) => f.change === 'removed')).toMatchObject({ channel: { id } })
    expect(await a.refused({ t: 'send', channel: id, body: 'anybody?' })).toMatchObject({
      code: 'not-member',
    })
  })

  test('a direct channel is one for two people, whoever asks for it, and one with oneself', async () => {
    const { node, anna, ben, a, b } = await pair()
    const made = await anna.api.channels.direct.mutate({ person: ben.name })
    expect((await ben.api.channels.direct.mutate({ person: anna.id })).id).toBe(made.id)
    expect(await b.next('channel')).toMatchObject({
      change: 'added',
      channel: { id: made.id, peer: { id: anna.id } },
    })
    await a.say(made.id, 'between us')
    expect((await b.next('entry')).body).toBe('between us')
    await expect(node.owner.api.channels.get.query({ id: made.id })).rejects.toEqual(refusedWith('not-found'))
    await expect(node.owner.api.messages.page.query({ channel: made.id })).rejects.toEqual(
      refusedWith('not-member'),
    )
    await expect(anna.api.channels.leave.mutate({ id: made.id })).rejects.toEqual(refusedWith('conflict'))
    const listed = await node.owner.api.channels.listAll.query({ limit: 500 })
    expect(listed.rows.map((row) => row.id)).not.toContain(made.id)
    const self = await anna.api.channels.direct.mutate({ person: anna.id })
    expect(self.memberCount).toBe(1)
    expect((await a.say(self.id, 'note to myself')).seq).toBe(1)
    expect((await anna.api.channels.direct.mutate({ person: anna.id })).id).toBe(self.id)
  })
})

describe('marks, typing, presence', () => {
  test('delivered and read marks move up only, reach the others, and are kept', async () => {
    const { node, anna, ben, channel, a, b } = await pair()
    for (const body of ['1', '2', '3']) await a.say(channel, body)
    b.send({ t: 'mark', channel, delivered: 3, read: 2 })
    const ofBen = (frame: { person: string }) => frame.person === ben.id
    expect(await a.next('marks', ofBen)).toMatchObject({ channel, delivered: 3, read: 2 })
    b.send({ t: 'mark', channel, read: 1 }, { t: 'mark', channel, read: 999 })
    expect(await a.next('marks', ofBen)).toMatchObject({ delivered: 3, read: 3 })
    const marks = await anna.api.messages.marks.query({ channel })
    expect(marks.find((mark) => mark.person === ben.id)).toMatchObject({ delivered: 3, read: 3 })
    const again = await node.raw()
    const { channels } = await again.authenticate(ben.token)
    expect(channels.find((each) => each.id === channel)).toMatchObject({ delivered: 3, read: 3 })
  })

  test("one's own messages are read, unless something unread lies before them", async () => {
    const { anna, ben, channel, a, b } = await pair()
    await a.say(channel, '1')
    await a.say(channel, '2')
    const readOf = (person: string, read: number) => (f: { person: string; read: number }) =>
      f.person === person && f.read === read
    await b.next('marks', readOf(anna.id, 2))
    // Ben has not read what Anna said, so what he says does not hide it from him.
    await b.say(channel, '3')
    const marks = await ben.api.messages.marks.query({ channel })
    expect(marks.find((mark) => mark.person === ben.id)?.read).toBe(0)
    b.send({ t: 'mark', channel, read: 3 })
    await b.say(channel, '4')
    await a.next('marks', readOf(ben.id, 4))
  })

  test('unread counts are of messages of others after the read mark, without edits and deletions', async () => {
    const { node, anna, ben, channel, a, b } = await pair()
    const unreadOf = async (person: Person) => {
      const client = await node.raw()
      const { channels } = await client.authenticate(person.token)
      await client.close()
      return channels.find((each) => each.id === channel)?.unread
    }
    expect(await unreadOf(ben)).toBe(0)
    for (const text of ['1', '2', '3']) await a.say(channel, text)
    expect(await unreadOf(ben)).toBe(3)
    expect(await unreadOf(anna)).toBe(0)
    a.send(
      { t: 'edit', channel, id: 'e1', seq: 2, body: '2, corrected' },
      { t: 'delete', channel, id: 'd1', seq: 3 },
    )
    await a.next('ack', (ack) => ack.id === 'd1')
    await b.say(channel, 'my own words')
    expect(await unreadOf(ben)).toBe(3)
    b.send({ t: 'mark', channel, read: 2 })
    await a.next('marks', (marks) => marks.person === ben.id && marks.read === 2)
    expect(await unreadOf(ben)).toBe(1)
    // Beyond the bound, the count says only that there are many.
    for (let i = 0; i < limits.unreadMessages + 1; i++) await a.say(channel, `more ${i}`)
    expect(await unreadOf(ben)).toBe(limits.unreadMessages)
    // What is told of a channel that changes has the count too.
    await node.owner.api.channels.update.mutate({ id: channel, topic: 'read this' })
    const { channel: state } = await b.next('channel', (f) => f.change === 'updated')
    expect(state).toMatchObject({ topic: 'read this', unread: limits.unreadMessages })
  })

  test('typing reaches the others of the channel and nobody else', async () => {
    const { node, anna, channel, a, b } = await pair()
    const outside = await node.connect(await node.newPerson())
    a.send({ t: 'typing', channel })
    expect(await b.next('typing')).toEqual({ t: 'typing', channel, person: anna.id })
    for (const client of [a, outside]) {
      await client.ping()
      expect(client.all('typing')).toEqual([])
    }
    outside.send({ t: 'typing', channel })
    expect(await outside.next('error')).toMatchObject({ code: 'not-member' })
  })

  test('presence tells online, away and offline, and last seen survives a restart', async () => {
    const { node, anna, ben, a, b } = await pair()
    b.send({ t: 'watch', presence: true })
    const stateOf = async (state: string) => {
      const frame = await b.next('presence', (f) =>
        f.people.some((p) => p.person === anna.id && p.state === state),
      )
      return frame.people.find((p) => p.person === anna.id)
    }
    expect((await stateOf('online'))?.devices).toHaveLength(1)
    a.send({ t: 'presence', state: 'away' })
    await stateOf('away')
    const second = await node.connect(anna)
    await stateOf('online')
    await second.close()
    await stateOf('away')
    const leftAfter = Date.now()
    await a.close()
    const left = await stateOf('offline')
    expect(left?.devices).toEqual([])
    expect(left?.lastSeenAt).toBeGreaterThanOrEqual(leftAfter)
    await node.restart()
    const list = await ben.api.presence.list.query()
    expect(list.find((p) => p.person === anna.id)).toMatchObject({
      state: 'offline',
      lastSeenAt: left?.lastSeenAt,
    })
  })
})

test('search finds what is there now: not what was edited away, deleted or is not the reader’s', async () => {
  const { node, anna, channel, a } = await pair()
  const other = await node.newChannel([])
  const owner = await node.connect(node.owner)
  const word = `zebra${Date.now()}`
  await a.say(channel, `the ${word} stands`)
  await a.say(channel, `a ${word} that will be edited`)
  await a.say(channel, `a ${word} that will be deleted`)
  await owner.say(other, `not your ${word}`)
  await a.edit(channel, 2, 'a striped horse')
  await a.remove(channel, 3)
  const search = async (text: string, by = anna) => {
    const found = await by.api.messages.search.query({ text })
    return found.lag === 0 ? found.hits : null
  }
  const hits = await eventually('the index has caught up', () => search(word))
  expect(hits).toMatchObject([{ seq: 1, channel, body: `the ${word} stands`, from: anna.id }])
  expect(hits[0]?.snippet).toContain(`\u2068${word}\u2069`)
  expect(await search('striped')).toMatchObject([{ seq: 2 }])
  expect(await search(word, node.owner)).toHaveLength(2)
  expect(await search(`"${word}" OR *) NEAR(`)).not.toBeNull()
})
