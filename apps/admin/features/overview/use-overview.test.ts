import type { LiveSample } from '@holdfast/api/services'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mergeSamples } from './use-overview.ts'

const sample = (at: number): LiveSample => ({
  at,
  messagesPerSecond: 1,
  deliveriesPerSecond: 4,
  commandsPerSecond: 2,
  connections: 3,
  peopleOnline: 2,
  ackP50Ms: 1,
  ackP99Ms: null,
  rssBytes: 1,
  cpuPercent: 1,
  eventLoopP99Ms: 1,
  logIndex: at,
})

test('history and live samples become one line, in order, without doubles, bounded', () => {
  const times = fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 500 })
  fc.assert(
    fc.property(times, times, (history, live) => {
      const merged = mergeSamples(history.map(sample), live.map(sample)).map((each) => each.at)
      const expected = [...new Set([...history, ...live])].sort((left, right) => left - right).slice(-300)
      expect(merged).toEqual(expected)
    }),
  )
})
