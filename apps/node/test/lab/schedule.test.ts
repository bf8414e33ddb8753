import { describe, expect, it } from 'vitest'
import { faultKinds, faultNames } from './fault-kinds.ts'
import { type FaultOutcome, outcomeTable } from './run-schedule.ts'
import { schedule, seededRandom } from './schedule.ts'
import type { VerifyReport } from './verify.ts'

const hour = 3_600_000
const options = { durationMs: hour, nodes: 3, faults: faultNames }

describe('schedule', () => {
  it('is the same for the same seed and another for another one', () => {
    expect(schedule(7, options)).toEqual(schedule(7, options))
    expect(schedule(8, options)).not.toEqual(schedule(7, options))
  })

  it('keeps to its bounds, for every seed', () => {
    for (let seed = 0; seed < 50; seed++) {
      const calmMs = [500, 1500] as const
      const timed = schedule(seed, { ...options, calmMs })
      let endMs = 0
      for (const { name, atMs, durationMs, values } of timed) {
        expect(atMs - endMs).toBeGreaterThanOrEqual(500)
        expect(atMs - endMs).toBeLessThanOrEqual(1500)
        const kind = faultKinds[name]
        expect(durationMs).toBeGreaterThanOrEqual(kind.durationMs[0])
        expect(durationMs).toBeLessThanOrEqual(kind.durationMs[1])
        for (const [value, [least, most]] of Object.entries({ ...kind.values, node: [1, 3] as const })) {
          expect(values[value]).toBeGreaterThanOrEqual(least)
          expect(values[value]).toBeLessThanOrEqual(most)
        }
        endMs = atMs + durationMs
      }
      expect(endMs).toBeLessThanOrEqual(hour)
      // Every fault comes as often as any other, give or take one.
      const counts = faultNames.map((name) => timed.filter((fault) => fault.name === name).length)
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
      expect(Math.min(...counts)).toBeGreaterThan(1)
    }
  })

  it('takes times for all faults', () => {
    const timed = schedule(1, { ...options, durationMs: 60_000, faultMs: [100, 200], calmMs: [0, 10] })
    expect(timed.length).toBeGreaterThan(280)
    expect(timed.every(({ durationMs }) => durationMs >= 100 && durationMs <= 200)).toBe(true)
  })

  it('is empty without faults or time', () => {
    expect(schedule(1, { ...options, faults: [] })).toEqual([])
    expect(schedule(1, { ...options, durationMs: 0 })).toEqual([])
  })

  it('draws numbers evenly', () => {
    const random = seededRandom(42)
    const counts = Array.from({ length: 10 }, () => 0)
    for (let i = 0; i < 100_000; i++) counts[Math.floor(random() * 10)]! += 1
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500)
  })
})

it('the table has a line for each fault and one for all', () => {
  const load = {
    acknowledged: 10,
    longestGapMs: 1200,
    longestWriterGapMs: 1300,
    refusals: 0,
    p50Ms: 1,
    p99Ms: 9,
    tookMs: 1,
  }
  const outcome = (name: FaultOutcome['fault']['name'], phase: number): FaultOutcome => ({
    fault: { name, atMs: 0, durationMs: 1, values: { node: 1 } },
    what: 'hf1 killed',
    phase,
    load,
    calm: { ...load, longestWriterGapMs: 40 },
    recoveryMs: 300,
  })
  const report = { acknowledged: 100, lost: 2, doubled: 1, lostByPhase: { 3: 2 }, doubledByPhase: { 1: 1 } }
  const table = outcomeTable(
    [outcome('kill-leader', 1), outcome('kill-all', 3)],
    report as unknown as VerifyReport,
  )
  expect(table.split('\n')).toEqual([
    'fault        what                           acknowledged  lost  doubled  gap ms  writer gap ms  recovery ms  calm gap ms  p99 ms',
    'kill-leader  hf1 killed                               10     0        1    1200           1300          300           40       9',
    'kill-all     hf1 killed                               10     2        0    1200           1300          300           40       9',
    'all          2 faults and the calm between           100     2        1    1200           1300          300           40       9',
  ])
})
