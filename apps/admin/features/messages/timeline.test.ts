import type { Entry } from '@holdfast/api/contract/frames'
import { describe, expect, test } from 'vitest'
import { closesGroup, groupGapMs, timeline } from './timeline.ts'

const noon = new Date(2026, 10, 20, 12).getTime()
const entry = (seq: number, from: string, at: number, more: Partial<Entry> = {}): Entry => ({
  channel: 'ch_00000000000000000001',
  seq,
  id: `m${seq}`,
  from,
  at,
  kind: 'text',
  body: 'text',
  ...more,
})
const outline = (entries: Entry[], unreadAfter: number | null = null) =>
  timeline(entries, unreadAfter, 'me').map((item) => {
    if (item.kind === 'day' || item.kind === 'unread') return item.kind
    return `${item.entry.seq}${item.kind === 'message' && item.opensGroup ? ' opens' : ''}`
  })

describe('the timeline', () => {
  test('groups by sender until somebody else speaks or time passes', () => {
    expect(
      outline([
        entry(1, 'ana', noon),
        entry(2, 'ana', noon + 1000),
        entry(3, 'ben', noon + 2000),
        entry(4, 'ana', noon + 3000),
        entry(5, 'ana', noon + 3001 + groupGapMs),
      ]),
    ).toEqual(['day', '1 opens', '2', '3 opens', '4 opens', '5 opens'])
  })

  test('separates days, and a new day opens a group', () => {
    const tomorrow = new Date(2026, 10, 21, 0, 0, 1).getTime()
    expect(outline([entry(1, 'ana', tomorrow - 2000), entry(2, 'ana', tomorrow)])).toEqual([
      'day',
      '1 opens',
      'day',
      '2 opens',
    ])
  })

  test('draws the unread line once, above the first unread message of somebody else', () => {
    const entries = [
      entry(1, 'ana', noon),
      entry(2, 'me', noon),
      entry(3, 'ana', noon),
      entry(4, 'ana', noon),
    ]
    expect(outline(entries, 1)).toEqual(['day', '1 opens', '2 opens', 'unread', '3 opens', '4'])
    expect(outline(entries, 4)).toEqual(['day', '1 opens', '2 opens', '3 opens', '4'])
  })

  test('draws no unread line when the first unread message is not loaded', () => {
    expect(outline([entry(8, 'ana', noon), entry(9, 'ana', noon)], 3)).toEqual(['day', '8 opens', '9'])
    expect(outline([entry(4, 'ana', noon)], 3)).toEqual(['day', 'unread', '4 opens'])
  })

  test('does not draw edits and deletions of their own', () => {
    const entries = [
      entry(1, 'ana', noon),
      entry(2, 'ana', noon, { kind: 'edit', target: 1 }),
      entry(3, 'ana', noon, { kind: 'delete', target: 1 }),
    ]
    expect(outline(entries)).toEqual(['day', '1 opens'])
  })

  test('knows the last message of a group', () => {
    const items = timeline([entry(1, 'ana', noon), entry(2, 'ana', noon), entry(3, 'ben', noon)], null, 'me')
    expect(items.map((_, index) => closesGroup(items, index))).toEqual([true, false, true, true])
  })
})
