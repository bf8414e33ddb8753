import { expect, it } from 'vitest'
import { Meter } from './load-meter.ts'

it('tells the longest gap of all and of one writer, only while they send', () => {
  let now = 0
  const meter = new Meter(2, () => now)
  now = 1000
  meter.start()
  for (const [at, writer] of [
    [1010, 0],
    [1030, 1],
    [1035, 0],
    [1075, 0],
    [1080, 1],
  ] as const) {
    now = at
    meter.acknowledged(writer, at - 1000)
  }
  meter.refused()
  now = 1100
  expect(meter.phase()).toEqual({
    acknowledged: 5,
    longestGapMs: 40,
    longestWriterGapMs: 50,
    refusals: 1,
    p50Ms: 35,
    p99Ms: 80,
    tookMs: 1100,
  })
  // The open gap of writer 0 began at 1075, that of all at 1080.
  now = 1300
  expect(meter.phase()).toMatchObject({ acknowledged: 0, longestGapMs: 220, longestWriterGapMs: 225 })
  meter.stop()
  meter.phase()
  now = 9000
  meter.acknowledged(0, 1)
  expect(meter.phase()).toMatchObject({ acknowledged: 1, longestGapMs: 0, longestWriterGapMs: 0 })
})
