import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReplayGuard } from './replay-guard.ts'
import { TestClock } from './test-clock.ts'

const bounds = { keepMs: 1000, maxEntries: 4 }

describe('ReplayGuard', () => {
  it('admits an identifier once in the time it keeps, whatever the order of events', () => {
    const event = fc.record({ id: fc.constantFrom('a', 'b', 'c'), ms: fc.nat(2500) })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const clock = new TestClock()
        const guard = new ReplayGuard(bounds, clock)
        const admittedAt = new Map<string, number>()
        for (const { id, ms } of events) {
          clock.advance(ms)
          const age = clock.monotonic() - (admittedAt.get(id) ?? Number.NEGATIVE_INFINITY)
          const admitted = guard.admit(id)
          if (age < bounds.keepMs) expect(admitted).toBe(false)
          if (age >= 3 * bounds.keepMs) expect(admitted).toBe(true)
          if (admitted) admittedAt.set(id, clock.monotonic())
        }
      }),
    )
  })

  it('refuses instead of forgetting when it is full', () => {
    const clock = new TestClock()
    const guard = new ReplayGuard(bounds, clock)
    expect([1, 2, 3, 4].map((id) => guard.admit(`id ${id}`))).toEqual([true, true, true, true])
    expect(() => guard.admit('id 5')).toThrow('too many devices')
    expect(guard.admit('id 1')).toBe(false)
    clock.advance(1000)
    expect(guard.admit('id 5')).toBe(true)
    expect(guard.admit('id 1')).toBe(false)
    clock.advance(2000)
    expect(guard.admit('id 1')).toBe(true)
  })
})
