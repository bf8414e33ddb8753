import fc from 'fast-check'
import { expect, test } from 'vitest'
import { count, formatAge, formatBytes, formatDuration, formatMs, shortHash } from './format.ts'

test.each([
  [0, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [3 * 3600_000, '3 h'],
  [3 * 3600_000 + 5 * 60_000, '3 h 5 min'],
  [9 * 86_400_000 + 2 * 3600_000, '9 d 2 h'],
  [-5, '0 s'],
])('%d ms last %s', (ms, text) => expect(formatDuration(ms)).toBe(text))

test.each([
  [0, 'just now'],
  [4_999, 'just now'],
  [60_000, '1 min ago'],
  [-60_000, 'in 1 min'],
])('%d ms since then is %s', (distance, text) =>
  expect(formatAge(1_000_000, 1_000_000 + distance)).toBe(text),
)

test('sizes count in powers of 1024 and never show four digits before the last unit', () => {
  expect(formatBytes(0)).toBe('0 bytes')
  expect(formatBytes(1536)).toBe('1.5 KiB')
  expect(formatBytes(128 * 1024 * 1024)).toBe('128 MiB')
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 49 }), (bytes) => {
      expect(Number.parseFloat(formatBytes(bytes).replaceAll(',', ''))).toBeLessThanOrEqual(1024)
    }),
  )
})

test('short things stay whole', () => {
  expect(formatMs(0.84)).toBe('0.8 ms')
  expect(formatMs(1250)).toBe('1.3 s')
  expect(shortHash('abcd', 4)).toBe('abcd')
  expect(shortHash('abcde', 4)).toBe('abcd…')
  expect(count(1, 'person', 'people')).toBe('1 person')
  expect(count(1200, 'person', 'people')).toBe('1,200 people')
})
