/** The small parts of the SDK, each against what it promises. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bodySchema } from '../contract/frames.ts'
import { limits } from '../contract/limits.ts'
import { clientIdSchema } from '../contract/names.ts'
import { Backoff } from './backoff.ts'
import { connectionEvents, connectionStates, transitions } from './connection-state.ts'
import { packFrames } from './frame-writer.ts'
import { parseMessage } from './incoming.ts'
import { Marks } from './marks.ts'
import { createMessageIds } from './message-id.ts'
import { bodyFault, isClientId } from './outgoing.ts'
import { clientUrl, nodeOrigin } from './urls.ts'

describe('message ids', () => {
  test('grow strictly, whatever the clock does, and fit the contract', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 2 ** 41 }), { minLength: 2 }),
        fc.integer({ min: 0, max: 255 }),
        (clock, fill) => {
          let at = 0
          const next = createMessageIds({ now: () => clock[at++]!, random: (bytes) => bytes.fill(fill) })
          const ids = clock.map(() => next())
          expect([...ids].sort()).toEqual(ids)
          expect(new Set(ids).size).toBe(ids.length)
          for (const id of ids) expect(clientIdSchema.safeParse(id).success).toBe(true)
        },
      ),
    )
  })

  test('begin with the time, so that later programs sort behind earlier ones', () => {
    const early = createMessageIds({ now: () => 1_000, random: (bytes) => bytes.fill(255) })()
    const late = createMessageIds({ now: () => 1_001, random: (bytes) => bytes.fill(0) })()
    expect(early < late).toBe(true)
    expect(early).toHaveLength(26)
  })
})

test('the back-off has full jitter under a doubling ceiling', () => {
  const high = new Backoff({ baseMs: 100, maxMs: 1000, random: () => 0.999_999 })
  expect([high.next(), high.next(), high.next(), high.next(), high.next()]).toEqual([99, 199, 399, 799, 999])
  high.reset()
  expect(high.next()).toBe(99)
  const low = new Backoff({ baseMs: 100, maxMs: 1000, random: () => 0 })
  expect([low.next(), low.next()]).toEqual([0, 0])
})

describe('the table of the connection', () => {
  test('stopped is the end, and stop is taken everywhere else', () => {
    for (const event of connectionEvents) expect(transitions.stopped[event]).toBe('ignore')
    for (const state of connectionStates)
      if (state !== 'stopped') expect(transitions[state].stop).toBe('stopped')
  })

  test('whoever is connected and loses it dials or waits, and every state can be reached', () => {
    for (const state of ['syncing', 'live', 'read-only'] as const) {
      expect(transitions[state].lost).toBe('connecting')
      expect(transitions[state].exhausted).toBe('waiting')
      expect(transitions[state].ready).toBe('syncing')
    }
    expect(transitions.connecting.exhausted).toBe('waiting')
    const reached = new Set<string>(['idle'])
    for (const row of Object.values(transitions)) for (const next of Object.values(row)) reached.add(next)
    for (const state of connectionStates) expect(reached).toContain(state)
  })
})

test('packing keeps order and every limit', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary', maxLength: 60 }), { minLength: 1 }),
      fc.integer({ min: 300, max: 3000 }),
      (texts, maxBytes) => {
        const frames = texts.map((text) => JSON.stringify({ t: 'x', text }))
        const packed = [...packFrames(frames, maxBytes, 5)]
        const unpacked = packed.flatMap((text) => {
          const value: unknown = JSON.parse(text)
          if (packed.length > 0)
            expect(new TextEncoder().encode(text).length).toBeLessThanOrEqual(Math.max(maxBytes, 400))
          return Array.isArray(value) ? value : [value]
        })
        expect(unpacked).toEqual(frames.map((frame) => JSON.parse(frame)))
        for (const text of packed) expect((JSON.parse(text) as unknown[]).length ?? 1).toBeLessThanOrEqual(5)
      },
    ),
  )
})

describe('what comes from a node', () => {
  test('frames of an unknown type are left out, broken ones are refused', () => {
    expect(parseMessage('[{"t":"later"},{"t":"pong"}]')).toEqual([{ t: 'pong' }])
    for (const text of [
      '',
      'x',
      '1',
      '[1]',
      '{}',
      '[{"t":1}]',
      '{"t":"entry"}',
      '{"t":"ack","id":1,"seq":1}',
      '{"t":"page","entries":[]}',
    ])
      expect(() => parseMessage(text), text).toThrow(/The node sent/)
    expect(() => parseMessage(new ArrayBuffer(1))).toThrow(/binary/)
    expect(() => parseMessage('{"t":"entry","channel":"c","seq":1.5,"body":""}')).toThrow()
    expect(() =>
      parseMessage(
        '{"t":"page","channel":"a","head":1,"floor":1,"entries":[{"channel":"b","seq":1,"body":""}]}',
      ),
    ).toThrow(/another channel/)
  })

  test('no text makes the parser throw anything but its own error', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc
            .array(fc.record({ t: fc.constantFrom('entry', 'page', 'ack', 'ready'), seq: fc.anything() }))
            .map((v) => JSON.stringify(v) ?? ''),
        ),
        (text) => {
          try {
            parseMessage(text)
          } catch (error) {
            expect(error).toMatchObject({ name: 'HoldfastError', code: 'bad-request' })
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})

test('marks are sent as the newest only, and once', () => {
  const marks = new Marks()
  expect(marks.note('a', { delivered: 3 })).toBe(true)
  marks.note('a', { delivered: 5 })
  marks.note('a', { read: 4 })
  expect(marks.flush()).toEqual([{ t: 'mark', channel: 'a', delivered: 5, read: 4 }])
  expect(marks.note('a', { delivered: 5 })).toBe(false)
  expect(marks.flush()).toEqual([])
  // The connection broke before the node had taken them in.
  marks.reconcile([{ id: 'a', delivered: 2, read: 0 }])
  expect(marks.flush()).toEqual([{ t: 'mark', channel: 'a', delivered: 5, read: 4 }])
})

test('addresses are taken in the ways people write them', () => {
  expect(nodeOrigin('https://node1:7443/')).toBe('https://node1:7443')
  expect(clientUrl('https://[fd00::2]:7443')).toBe('wss://[fd00::2]:7443/client/v1')
  for (const bad of ['node1', 'ftp://node1', '', 'https://'])
    expect(() => nodeOrigin(bad), bad).toThrow(/https:\/\//)
})

test('what is checked before it is sent is what the node checks', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.array(fc.nat(0xffff), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
    fc
      .record({ c: fc.constantFrom('a', 'ä', '字', '😀'), n: fc.integer({ min: 8000, max: 33_000 }) })
      .map(({ c, n }) => c.repeat(n)),
  )
  fc.assert(
    fc.property(text, (value) => {
      expect(bodyFault(value) === null).toBe(bodySchema.safeParse(value).success)
      expect(isClientId(value)).toBe(clientIdSchema.safeParse(value).success)
    }),
    { numRuns: 500 },
  )
  for (const size of [limits.bodyBytes, limits.bodyBytes + 1])
    expect(bodyFault('x'.repeat(size)) === null).toBe(bodySchema.safeParse('x'.repeat(size)).success)
})
