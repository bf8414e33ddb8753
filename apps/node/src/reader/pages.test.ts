import type { Entry } from '@holdfast/api/contract/frames'
import { limits } from '@holdfast/api/contract/limits'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { commandTypes } from '../state/commands.ts'
import { idOf, TestMachine } from '../state/machine-fixture.ts'
import { Pages } from './pages.ts'

const channelId = idOf('c', 1)
/** The first two entries of channel 1 come with the fixture. */
const firstEntries = 2

function filled(bodies: readonly string[]): TestMachine {
  const machine = new TestMachine().setUp().populate()
  machine.apply(bodies.map((body, i) => [commandTypes.message, 1, 1, `m${i}`, body, 0, null]))
  return machine
}

function read(machine: TestMachine, range: { before?: number; after?: number; limit: number }) {
  const { text, count, more } = new Pages(machine.db).page({ channelNo: 1, channelId, ...range })
  const entries = JSON.parse(`[${text}]`) as Entry[]
  expect(entries).toHaveLength(count)
  return { seqs: entries.map((entry) => entry.seq), more }
}

test('a page is the part of the sequence that was asked for', () => {
  const count = 30
  using machine = filled(Array.from({ length: count - firstEntries }, (_, i) => `m${i}`))
  const all = Array.from({ length: count }, (_, i) => i + 1)
  const seq = fc.option(fc.integer({ min: 0, max: count + 2 }), { nil: undefined })
  fc.assert(
    fc.property(seq, seq, fc.integer({ min: 1, max: 40 }), (before, after, limit) => {
      const within = all.filter((n) => n > (after ?? 0) && n < (before ?? Number.POSITIVE_INFINITY))
      const expected = after === undefined ? within.slice(-limit) : within.slice(0, limit)
      const range = { ...(before !== undefined && { before }), ...(after !== undefined && { after }), limit }
      expect(read(machine, range)).toEqual({ seqs: expected, more: within.length > limit })
    }),
  )
})

test('a page of large entries ends early and says that there is more; following it brings all', () => {
  using machine = filled(Array.from({ length: 100 }, () => 'ü'.repeat(limits.bodyBytes / 2)))
  const seen: number[] = []
  for (let after = 0, more = true, pages = 0; more && pages < 100; pages++) {
    const page = read(machine, { after, limit: limits.pageEntries })
    expect(page.seqs.length).toBeGreaterThan(0)
    seen.push(...page.seqs)
    after = page.seqs.at(-1) ?? after
    more = page.more
  }
  expect(seen).toEqual(Array.from({ length: 102 }, (_, i) => i + 1))
  const newest = read(machine, { limit: limits.pageEntries })
  expect(newest.more).toBe(true)
  expect(newest.seqs.at(-1)).toBe(102)
  expect(newest.seqs.length).toBeLessThan(50)
})
