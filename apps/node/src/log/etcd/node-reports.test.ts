import { expect, test } from 'vitest'
import type { Clock } from '../../platform/clock.ts'
import { createLogger } from '../../platform/logger.ts'
import type { EtcdClient, WatchListener } from './etcd-client.ts'
import { type NodeReport, NodeReports } from './node-reports.ts'

const report = (at: number): NodeReport => ({
  at,
  generation: '1-a',
  state: 'online',
  version: '0.1.0',
  startedAt: 0,
  memberId: '1',
  index: 1,
  chain: 'ff',
  revision: 1,
  durableIndex: 1,
  durableRevision: 1,
  marks: [],
  commitMs: null,
  etcd: { version: '3.5.16', databaseBytes: 0, databaseInUseBytes: 0, rssBytes: 0 },
})

test('regression: when the own clock is set, the others are known to be off by as much at once', async () => {
  let wall = Date.UTC(2026, 10, 23, 12)
  const clock: Clock = { now: () => wall, monotonic: () => 1000 }
  let listener: WatchListener | null = null
  const client = {
    list: async () => [],
    watch: (_: string, __: number, given: WatchListener) => {
      listener = given
      return { pause: () => {}, resume: () => {}, close: () => {} }
    },
    put: async () => 1,
  } as unknown as EtcdClient
  const reports = new NodeReports({
    client,
    nodeId: 'n_1',
    clock,
    logger: createLogger({ level: 'silent' }),
    compose: () => report(clock.now()),
    onReport: () => {},
  })
  reports.start()
  await new Promise((resolve) => setImmediate(resolve))
  const hear = (at: number) =>
    listener?.events(
      [{ key: '/st/n_2', value: Buffer.from(JSON.stringify(report(at))), version: 1, modRevision: 1 }],
      1,
    )
  hear(clock.now())
  expect(reports.of('n_2')?.skewMs).toBe(0)
  const hour = 3_600_000
  wall += hour
  expect(reports.alive('n_2')).toBe(true)
  expect(reports.of('n_2')?.skewMs).toBe(-hour)
  hear(clock.now() - hour)
  expect(reports.of('n_2')?.skewMs).toBe(-hour)
  reports.stop()
})
