import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Entry } from '../contract/frames.ts'
import { ChannelCursor, createHeldBudget } from './channel-cursor.ts'

const channel = 'c_00000000000000000001'
const entry = (seq: number): Entry => ({
  channel,
  seq,
  id: `m${seq}`,
  from: 'p',
  at: 0,
  kind: 'text',
  body: 'x'.repeat(seq % 7),
})

/** Takes all there is, asking for what is missing in pages of `size` until nothing is. */
function drain(cursor: ChannelCursor, head: number, size: number): number[] {
  const taken: number[] = []
  for (;;) {
    for (let next = cursor.take(); next; next = cursor.take()) taken.push(next.seq)
    if (!cursor.wants) return taken
    const from = cursor.position + 1
    const entries = Array.from({ length: Math.min(size, head - from + 1) }, (_, i) => entry(from + i))
    cursor.acceptPage({ entries, floor: 1, head })
  }
}

test('whatever arrives in whatever order with however little room, entries are taken in order, each once', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 20 }), { maxLength: 8 }),
      fc.integer({ min: 1, max: 20_000 }),
      fc.integer({ min: 1, max: 10 }),
      (rounds, maxBytes, size) => {
        const budget = createHeldBudget(maxBytes)
        const cursor = new ChannelCursor({ channel, position: 0, anchored: true, budget })
        const taken: number[] = []
        let head = 0
        for (const round of rounds) {
          for (const seq of round) {
            head = Math.max(head, seq)
            cursor.acceptLive(entry(seq))
          }
          taken.push(...drain(cursor, head, size))
        }
        expect(taken).toEqual(Array.from({ length: head }, (_, i) => i + 1))
        expect(budget.bytes).toBe(0)
      },
    ),
    { numRuns: 500 },
  )
})

test('what is held stays within the budget, save for one entry that lets the channel move', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 2, max: 1000 }), { maxLength: 200 }), (seqs) => {
      const budget = createHeldBudget(5000)
      const cursor = new ChannelCursor({ channel, position: 0, anchored: true, budget })
      for (const seq of seqs) {
        cursor.acceptLive(entry(seq))
        expect(budget.bytes).toBeLessThanOrEqual(5000 + 400)
      }
      cursor.clear()
      expect(budget.bytes).toBe(0)
    }),
  )
})

test('retention moves the cursor on and names the gap', () => {
  const cursor = new ChannelCursor({ channel, position: 3, anchored: true, budget: createHeldBudget() })
  cursor.acceptLive(entry(5))
  expect(cursor.acceptPage({ entries: [entry(8)], floor: 8, head: 8 })).toEqual({ from: 4, to: 7 })
  expect(cursor.take()?.seq).toBe(8)
  expect(cursor.take()).toBeUndefined()
})

test('an entry that the named head already counted is still delivered to who joined with it', () => {
  const cursor = new ChannelCursor({ channel, position: 5, anchored: false, budget: createHeldBudget() })
  cursor.acceptLive(entry(5))
  expect(cursor.take()?.seq).toBe(5)
  cursor.acceptLive(entry(5))
  expect(cursor.take()).toBeUndefined()
})
