import type { Entry } from '@holdfast/api/contract/frames'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  begin,
  type Conversation,
  discard,
  emptyConversation,
  extend,
  fail,
  hasOlder,
  reachesHead,
  receive,
  showPage,
  windowEntriesMax,
} from './conversation.ts'

const text = (seq: number, more: Partial<Entry> = {}): Entry => ({
  channel: 'ch_00000000000000000001',
  seq,
  id: `m${seq}`,
  from: 'ana',
  at: seq * 1000,
  kind: 'text',
  body: `text ${seq}`,
  ...more,
})
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => text(from + i))
const shown = (from: number, to: number, head = to): Conversation =>
  showPage(emptyConversation, { entries: range(from, to), floor: 1, head }, 'me')
const sequences = (state: Conversation) => state.entries.map((entry) => entry.seq)

describe('a conversation', () => {
  test('appends what follows and stays contiguous when something is missing', () => {
    const next = receive(shown(1, 3), text(4), 'me')
    expect(sequences(next)).toEqual([1, 2, 3, 4])
    const gap = receive(next, text(6), 'me')
    expect(sequences(gap)).toEqual([1, 2, 3, 4])
    expect(gap.head).toBe(6)
    expect(reachesHead(gap)).toBe(false)
  })

  test('takes an entry once', () => {
    const once = receive(shown(1, 3), text(4), 'me')
    expect(sequences(receive(once, text(4), 'me'))).toEqual([1, 2, 3, 4])
  })

  test('shows an edit and a deletion on the entry they change, and the newest wins', () => {
    let state = receive(shown(1, 3), text(4, { kind: 'edit', target: 2, body: 'changed' }), 'me')
    expect(state.entries[1]).toMatchObject({ body: 'changed', revision: 4 })
    state = receive(state, text(5, { kind: 'delete', target: 2, body: '' }), 'me')
    expect(state.entries[1]).toMatchObject({ body: '', deleted: true, revision: 5 })
    const late = receive(state, text(4, { kind: 'edit', target: 2, body: 'changed' }), 'me')
    expect(late.entries[1]).toMatchObject({ deleted: true, revision: 5 })
  })

  test('keeps a send until its entry or acknowledgement arrives, and a failed one until it is discarded', () => {
    const send = { id: 'x', body: 'hi', priority: 'normal' as const, reply: null, at: 1, failure: null }
    const waiting = begin(shown(1, 2), send)
    expect(receive(waiting, text(3, { id: 'x', from: 'somebody else' }), 'me').pending).toHaveLength(1)
    expect(receive(waiting, text(3, { id: 'x', from: 'me' }), 'me').pending).toHaveLength(0)
    const failed = fail(waiting, 'x', 'not a member')
    expect(failed.pending[0]?.failure).toBe('not a member')
    expect(begin(failed, send).pending).toEqual([send])
    expect(discard(failed, 'x').pending).toEqual([])
  })

  test('pages upwards until the floor and is bounded', () => {
    const state = shown(101, 150)
    expect(hasOlder(state)).toBe(true)
    const older = extend(state, { entries: range(51, 100), floor: 51, head: 150 }, 'older', 'me')
    expect(sequences(older)).toEqual(range(51, 150).map((entry) => entry.seq))
    expect(hasOlder(older)).toBe(false)
    const long = extend(shown(1001, 1500), { entries: range(800, 1000), floor: 1, head: 1500 }, 'older', 'me')
    expect(long.entries).toHaveLength(windowEntriesMax)
    expect(long.entries[0]?.seq).toBe(800)
    expect(reachesHead(long)).toBe(false)
  })

  test('stays sorted and without gap or double under any order of pages and live entries', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('live' as const), seq: fc.integer({ min: 1, max: 60 }) }),
      fc.record({ kind: fc.constant('older' as const), size: fc.integer({ min: 1, max: 20 }) }),
      fc.record({ kind: fc.constant('newer' as const), size: fc.integer({ min: 1, max: 20 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let state = shown(20, 30)
        for (const one of steps) {
          const oldest = state.entries[0]?.seq ?? 1
          const newest = state.entries.at(-1)?.seq ?? 0
          if (one.kind === 'live') state = receive(state, text(one.seq), 'me')
          else if (one.kind === 'older') {
            const entries = range(Math.max(1, oldest - one.size), oldest - 1)
            state = extend(state, { entries, floor: 1, head: 60 }, 'older', 'me')
          } else {
            const entries = range(newest + 1, Math.min(60, newest + one.size))
            state = extend(state, { entries, floor: 1, head: 60 }, 'newer', 'me')
          }
          const seen = sequences(state)
          expect(seen).toEqual(seen.map((_, i) => (seen[0] ?? 0) + i))
          expect(state.head).toBeGreaterThanOrEqual(seen.at(-1) ?? 0)
        }
      }),
    )
  })
})
