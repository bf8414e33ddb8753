import { expect, test } from 'vitest'
import { anyTime, isBackwards, rangeBounds } from './time-range.ts'

const now = 1_800_000_000_000

test('presets reach back from now, any time has no bounds', () => {
  expect(rangeBounds(anyTime, now)).toEqual({})
  expect(rangeBounds({ name: 'hour', from: '', to: '' }, now)).toEqual({ from: now - 3600_000 })
})

test('custom bounds are local times, and either may be open', () => {
  const from = new Date(2026, 10, 20, 8, 30).getTime()
  expect(rangeBounds({ name: 'custom', from: '2026-11-20T08:30', to: '' }, now)).toEqual({ from })
  expect(rangeBounds({ name: 'custom', from: '', to: 'nonsense' }, now)).toEqual({})
  expect(isBackwards({ name: 'custom', from: '2026-11-20T08:30', to: '2026-11-19T08:30' })).toBe(true)
  expect(isBackwards({ name: 'custom', from: '2026-11-20T08:30', to: '' })).toBe(false)
})
