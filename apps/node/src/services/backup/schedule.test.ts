import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dueAt } from './schedule.ts'

const time = fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2035, 0) })
const dayMs = 86_400_000

test('a daily backup is due at its time of day, the first one after the last backup', () => {
  fc.assert(
    fc.property(
      time,
      fc.integer({ min: 0, max: 23 }),
      fc.integer({ min: 0, max: 59 }),
      (doneAt, hour, minute) => {
        const at = `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`
        const due = dueAt({ kind: 'daily', at }, doneAt) ?? 0
        const local = new Date(due)
        expect([local.getHours(), local.getMinutes()]).toEqual([hour, minute])
        expect(due).toBeGreaterThan(doneAt)
        // A day has an hour more where clocks are put back.
        expect(due - doneAt).toBeLessThanOrEqual(dayMs + 3600_000)
      },
    ),
  )
})

test('every so many hours counts from the last one, and a missed one is due in the past', () => {
  fc.assert(
    fc.property(time, fc.integer({ min: 1, max: 168 }), (doneAt, every) => {
      expect(dueAt({ kind: 'hours', every }, doneAt)).toBe(doneAt + every * 3600_000)
    }),
  )
  expect(dueAt({ kind: 'off' }, 0)).toBeNull()
})
