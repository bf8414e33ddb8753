import { expect, test } from 'vitest'
import type { Entry } from '../contract/frames.ts'
import { clientBounds } from './bounds.ts'
import { EntryFeed } from './entry-feed.ts'
import type { HistoryFrame } from './requests.ts'

const entry = (channel: string, seq: number): Entry => ({
  channel,
  seq,
  id: `m${seq}`,
  from: 'p',
  at: 0,
  kind: 'text',
  body: '',
})

function makeFeed() {
  const requests: HistoryFrame[] = []
  const delivered: string[] = []
  const failures: string[] = []
  let id = 0
  const feed = new EntryFeed({
    nextRequestId: () => ++id,
    request: (frame) => requests.push(frame),
    deliver: ({ channel, seq }) => {
      delivered.push(`${channel}:${seq}`)
      return undefined
    },
    ready: () => true,
    onGap: () => {},
    onFailure: (error) => failures.push(error.message),
  })
  return { feed, requests, delivered, failures }
}

test('a gap is asked for once, and again on the next connection', () => {
  const { feed, requests, delivered } = makeFeed()
  feed.follow({ id: 'a', head: 0 }, { position: 0, anchored: true })
  feed.entry(entry('a', 3))
  feed.pump()
  feed.entry(entry('a', 4))
  feed.pump()
  expect(requests).toMatchObject([{ channel: 'a', after: 0 }])
  feed.connectionLost()
  // The next node names what it has.
  feed.follow({ id: 'a', head: 4 }, { position: 4, anchored: false })
  expect(feed.syncPositions()).toEqual({ a: 0 })
  feed.synced()
  feed.pump()
  expect(requests).toHaveLength(2)
  feed.page({
    t: 'page',
    channel: 'a',
    id: 2,
    entries: [entry('a', 1), entry('a', 2)],
    floor: 1,
    head: 4,
    more: true,
  })
  feed.pump()
  expect(delivered).toEqual(['a:1', 'a:2', 'a:3', 'a:4'])
  feed.stop()
})

test('gaps of many channels are asked for a few at a time', () => {
  const { feed, requests } = makeFeed()
  for (let i = 0; i < 100; i++) {
    feed.follow({ id: `c${i}`, head: 0 }, { position: 0, anchored: true })
    feed.entry(entry(`c${i}`, 2))
  }
  feed.pump()
  expect(requests).toHaveLength(clientBounds.concurrentFills)
  for (let i = 0; i < requests.length; i++) {
    const { id, channel } = requests[i]!
    feed.page({ t: 'page', channel, id, entries: [entry(channel, 1)], floor: 1, head: 2, more: false })
    feed.pump()
  }
  expect(requests).toHaveLength(100)
  feed.stop()
})

test('a node that names a head and does not give the entries is reported, not asked in a circle', () => {
  const { feed, requests, failures } = makeFeed()
  feed.follow({ id: 'a', head: 5 }, { position: 0, anchored: true })
  feed.pump()
  for (let i = 0; i < requests.length; i++) {
    feed.page({ t: 'page', channel: 'a', id: requests[i]!.id, entries: [], floor: 1, head: 5, more: false })
    feed.pump()
  }
  expect(requests).toHaveLength(clientBounds.emptyFills)
  expect(failures).toEqual(['The node names 5 as the newest entry of a and does not give entry 1.'])
  feed.stop()
})

test('at a node that is behind nothing is asked for that it does not have, and nothing comes twice', () => {
  const { feed, requests, delivered, failures } = makeFeed()
  feed.follow({ id: 'a', head: 0 }, { position: 0, anchored: true })
  for (const seq of [1, 2, 3, 5]) feed.entry(entry('a', seq))
  feed.pump()
  expect(requests).toMatchObject([{ channel: 'a', after: 3 }])
  feed.connectionLost()
  feed.follow({ id: 'a', head: 2 }, { position: 2, anchored: false })
  expect(feed.syncPositions()).toEqual({ a: 3 })
  feed.synced()
  feed.pump()
  for (const seq of [3, 4]) {
    feed.entry(entry('a', seq))
    feed.pump()
  }
  expect(requests).toHaveLength(1)
  expect(delivered).toEqual(['a:1', 'a:2', 'a:3', 'a:4', 'a:5'])
  expect(failures).toEqual([])
  feed.stop()
})

test('who begins with what comes from now on is not led back by a node that is behind', () => {
  const { feed, delivered } = makeFeed()
  feed.follow({ id: 'a', head: 7 }, { position: 7, anchored: false })
  feed.connectionLost()
  feed.follow({ id: 'a', head: 5 }, { position: 5, anchored: false })
  feed.syncPositions()
  feed.synced()
  for (const seq of [6, 7, 8]) feed.entry(entry('a', seq))
  feed.pump()
  expect(delivered).toEqual(['a:8'])
  feed.stop()
})

test('a channel that a node does not know yet goes on at its place when it does', () => {
  const { feed, delivered } = makeFeed()
  feed.follow({ id: 'a', head: 0 }, { position: 0, anchored: true })
  for (const seq of [1, 2]) feed.entry(entry('a', seq))
  feed.pump()
  feed.unfollow('a', { resume: true })
  expect(feed.positions()).toEqual({ a: 2 })
  feed.follow({ id: 'a', head: 3 }, { position: 0, anchored: true })
  expect(feed.syncPositions()).toEqual({ a: 2 })
  feed.synced()
  for (const seq of [1, 2, 3]) feed.entry(entry('a', seq))
  feed.pump()
  expect(delivered).toEqual(['a:1', 'a:2', 'a:3'])
  feed.unfollow('a')
  // Back in after having been out: from now on, and not again what was seen.
  feed.follow({ id: 'a', head: 3 }, { position: 0, anchored: true })
  expect(feed.positions()).toEqual({ a: 3 })
  feed.stop()
})

test('a channel that was left is asked for no more', () => {
  const { feed, requests, delivered } = makeFeed()
  feed.follow({ id: 'a', head: 0 }, { position: 0, anchored: true })
  feed.entry(entry('a', 2))
  feed.unfollow('a')
  feed.pump()
  feed.entry(entry('a', 1))
  feed.pump()
  expect([requests, delivered, feed.positions()]).toEqual([[], [], {}])
  feed.stop()
})
