import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Metrics } from './metrics.ts'

/** Buckets lie a fifth apart, so a percentile is right within that. */
const bucketFactor = 1.2

test('percentiles are those of the times since the last call, within a bucket', () => {
  const times = fc.array(fc.double({ min: 0.2, max: 5000, noNaN: true }), { minLength: 1, maxLength: 300 })
  fc.assert(
    fc.property(times, (list) => {
      const metrics = new Metrics()
      for (const ms of list) metrics.messageStored(ms)
      const sorted = list.toSorted((a, b) => a - b)
      const { p50, p99 } = metrics.takeLatencies()
      for (const [got, share] of [
        [p50, 0.5],
        [p99, 0.99],
      ] as const) {
        const exact = sorted[Math.ceil(list.length * share) - 1] ?? 0
        expect(got).toBeGreaterThanOrEqual(exact / 1.001)
        expect(got).toBeLessThanOrEqual(exact * bucketFactor * 1.001)
      }
      expect(metrics.takeLatencies()).toEqual({ p50: null, p99: null })
      expect(metrics.messages).toBe(list.length)
    }),
  )
})
