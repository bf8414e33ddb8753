import { expect, test } from 'vitest'
import { judge, judgeDatabase } from './goals.ts'

const good = { acknowledgedPerSecond: 30_000, p50Ms: 20, p99Ms: 90, logPeakRssBytes: 300e6 }
const reached = (runs: Parameters<typeof judge>[0]) => judge(runs).map((goal) => goal.reached)

test('a run that is good enough reaches every goal', () => {
  expect(reached({ three: good, one: good, etcdPerSecond: 1_000 })).toEqual([
    true,
    true,
    true,
    true,
    true,
    true,
  ])
})

test('latency and memory are those of the worse load', () => {
  const worse = { ...good, p50Ms: 26, p99Ms: 101, logPeakRssBytes: 401e6 }
  expect(reached({ three: good, one: worse, etcdPerSecond: 1_000 })).toEqual([
    true,
    true,
    false,
    false,
    true,
    false,
  ])
  expect(reached({ three: worse, one: good, etcdPerSecond: 3_000 })).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ])
})

test('what was not measured is neither reached nor missed', () => {
  expect(reached({ one: good })).toEqual([null, true, true, true, null, true])
  expect(reached({})).toEqual([null, null, null, null, null, null])
})

test('a database that levels off is bounded, one that grows on is not', () => {
  expect(judgeDatabase([10, 90, 100, 100, 104, 99]).reached).toBe(true)
  expect(judgeDatabase([10, 20, 30, 40, 50, 60]).reached).toBe(false)
  expect(judgeDatabase([10]).reached).toBe(null)
})
