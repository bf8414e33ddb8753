import { expect, test } from 'vitest'
import { indexPauseMs } from './index-pace.ts'

test('the index of a busy node waits, then works a twentieth of the time, and at last without a pause', () => {
  expect(indexPauseMs(0, 0)).toBeNull()
  expect(indexPauseMs(199_999, 10)).toBeNull()
  expect(indexPauseMs(200_000, 10)).toBeCloseTo(190)
  expect(indexPauseMs(4_999_999, 10)).toBeCloseTo(190)
  expect(indexPauseMs(5_000_000, 10)).toBe(0)
})
