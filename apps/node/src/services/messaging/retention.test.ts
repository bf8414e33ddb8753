import { openDatabase } from '@holdfast/db'
import { expect, test } from 'vitest'
import { channelId, personId, TestLog } from '../../log/log-fixture.ts'
import { Pages } from '../../reader/pages.ts'
import { SearchIndex } from '../../reader/search-index.ts'
import { sequenceFault } from '../../state/machine-fixture.ts'
import { retentionRows } from '../channels/commands.ts'
import { Retention } from './retention.ts'

const dayMs = 86_400_000

async function facility(retentionDays: number | null) {
  const test = await TestLog.start()
  await test.populate(retentionDays)
  const { directory, proposer, db, clock, logger } = test
  return { test, retention: new Retention({ directory, proposer, db, clock, logger }) }
}

test('what is older than the policy goes, what is younger stays, and sequences go on', async () => {
  const { test, retention } = await facility(7)
  await using log = test
  await log.send(1, 1, 'old')
  log.clock.advance(5 * dayMs)
  await log.send(1, 1, 'young')
  log.clock.advance(1.9 * dayMs)
  await retention.sweep()
  expect(log.directory.channels.get(channelId)).toMatchObject({ floor: 1, head: 2 })
  log.clock.advance(0.2 * dayMs)
  await retention.sweep()
  expect(log.directory.channels.get(channelId)).toMatchObject({ floor: 2, head: 2 })
  log.clock.advance(30 * dayMs)
  await retention.sweep()
  expect(log.directory.channels.get(channelId)).toMatchObject({ floor: 3, head: 2 })
  expect(await log.send(1, 1, 'new')).toBe(3)
  expect(sequenceFault(log.db)).toBeNull()
  const page = new Pages(log.db).page({ channelNo: 1, channelId, after: 0, limit: 10 })
  expect(JSON.parse(`[${page.text}]`)).toMatchObject([{ seq: 3, body: 'new' }])
})

test('a channel without a policy keeps everything', async () => {
  const { test, retention } = await facility(null)
  await using log = test
  await log.send(1, 1, 'kept')
  log.clock.advance(5000 * dayMs)
  await retention.sweep()
  expect(log.directory.channels.get(channelId)).toMatchObject({ floor: 1, head: 1 })
})

test('much that is due goes in bounded commands, each told in the audit log', async () => {
  const { test, retention } = await facility(1)
  await using log = test
  const count = retentionRows * 2 + 100
  await Promise.all(Array.from({ length: count }, (_, i) => log.send(1, 1, `m${i}`)))
  log.clock.advance(2 * dayMs)
  await log.send(1, 1, 'now')
  await retention.sweep()
  expect(log.directory.channels.get(channelId)).toMatchObject({ floor: count + 1, head: count + 1 })
  const events = log.db
    .prepare("SELECT event FROM audit_event WHERE action = 'channel.expired'")
    .pluck()
    .all() as string[]
  const removed = events.map((event) => (JSON.parse(event) as { detail: { entries: number } }).detail.entries)
  expect(removed).toEqual([retentionRows, retentionRows, 100])
})

test('the index forgets what has expired', async () => {
  const { test, retention } = await facility(1)
  await using log = test
  const index = new SearchIndex(log.db, openDatabase(`${log.databaseFile}.search`, { role: 'writer' }))
  index.open()
  const search = () => {
    while (index.step());
    return index.search({ text: 'zebra', channels: [{ no: 1, id: channelId }], offset: 0, limit: 10 }).hits
  }
  await log.send(1, 1, 'a', 'a zebra')
  expect(search()).toHaveLength(1)
  log.clock.advance(2 * dayMs)
  await log.send(1, 1, 'b', 'another zebra')
  await retention.sweep()
  expect(search().map((hit) => JSON.parse(hit.entry))).toMatchObject([{ seq: 2 }])
  expect(index.lag()).toBe(0)
  index.close()
})

test('sessions past their end are swept', async () => {
  const { test, retention } = await facility(null)
  await using log = test
  const session = (n: number, expiresAt: number) => ({
    id: `s_${String(n).padStart(20, '0')}`,
    personId,
    tokenHash: `h${n}`,
    deviceId: null,
    userAgent: '',
    remote: '',
    expiresAt,
  })
  await log.control('session.create', session(1, log.clock.now() + dayMs))
  await log.control('session.create', session(2, log.clock.now() + 3 * dayMs))
  log.clock.advance(2 * dayMs)
  await retention.sweep()
  expect([...log.directory.sessions.keys()]).toEqual([session(2, 0).id])
})
