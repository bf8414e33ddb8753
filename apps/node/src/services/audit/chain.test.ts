import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AuditEventFields,
  encodeEvent,
  genesisHash,
  maxEventBytes,
  nextHash,
  parseEvent,
} from './chain.ts'

const event: AuditEventFields = {
  seq: 1,
  at: 1_700_000_000_000,
  actor: 'p_1',
  actorName: 'Ada',
  action: 'person.add',
  target: 'p_2',
  outcome: 'done',
  remote: '10.0.0.7',
  detail: { name: 'bob' },
}

export const anyEvent = fc.record<AuditEventFields>({
  seq: fc.nat(),
  at: fc.nat(),
  actor: fc.string({ unit: 'grapheme' }),
  actorName: fc.string({ unit: 'binary' }),
  action: fc.string(),
  target: fc.string(),
  outcome: fc.constantFrom('done', 'refused'),
  remote: fc.string(),
  detail: fc.dictionary(
    fc.string().filter((key) => key !== '__proto__'),
    fc.jsonValue(),
  ),
})

describe('event text', () => {
  it('has the fields in the fixed order, whatever order they came in', () => {
    const reversed = Object.fromEntries(Object.entries(event).reverse()) as unknown as AuditEventFields
    expect(encodeEvent(reversed)).toBe(
      '{"seq":1,"at":1700000000000,"actor":"p_1","actorName":"Ada","action":"person.add","target":"p_2",' +
        '"outcome":"done","remote":"10.0.0.7","detail":{"name":"bob"}}',
    )
  })

  it('is one line that reads back to itself, for any content', () => {
    fc.assert(
      fc.property(anyEvent, (fields) => {
        const text = encodeEvent(fields)
        expect(text).not.toMatch(/[\r\n]/)
        expect(encodeEvent(parseEvent(text))).toBe(text)
        expect(Buffer.from(text, 'utf8').toString('utf8')).toBe(text)
      }),
    )
  })

  it('replaces a detail that is too large by its size and digest', () => {
    const text = encodeEvent({ ...event, detail: { list: 'ä'.repeat(maxEventBytes) } })
    expect(Buffer.byteLength(text)).toBeLessThan(maxEventBytes)
    expect(parseEvent(text).detail).toMatchObject({ oversizeBytes: 2 * maxEventBytes + 11 })
    const fits = encodeEvent({ ...event, detail: { list: 'x'.repeat(maxEventBytes - 200) } })
    expect(parseEvent(fits).detail.oversizeBytes).toBeUndefined()
  })

  it.each([
    ['{}', 'not an audit event'],
    ['[]', 'not an audit event'],
    ['null', 'not an audit event'],
    [encodeEvent(event).replace('"done"', '"maybe"'), 'not an audit event'],
    [encodeEvent(event).replace('"seq":1', '"seq":1.5'), 'not an audit event'],
    [encodeEvent(event).replace('{"name":"bob"}', '[]'), 'not an audit event'],
    [encodeEvent(event).replace('"seq":1', '"seq": 1'), 'not in canonical form'],
    [encodeEvent(event).replace('Ada', '\\u0041da'), 'not in canonical form'],
  ])('refuses %s', (text, why) => {
    expect(() => parseEvent(text)).toThrow(why)
  })
})

describe('chain', () => {
  it('is SHA-256 over the hash before and the text', () => {
    const first = nextHash(genesisHash, 'ä')
    expect(first.equals(createHash('sha256').update(Buffer.alloc(32)).update('ä', 'utf8').digest())).toBe(
      true,
    )
    const second = nextHash(first, 'b')
    expect(second.equals(createHash('sha256').update(first).update('b').digest())).toBe(true)
  })
})
