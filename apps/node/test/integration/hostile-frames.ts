/** What a hostile or broken client may write into a socket. */
import { type ClientFrameType, clientFrames } from '@holdfast/api/contract/frames'
import { limits } from '@holdfast/api/contract/limits'
import fc from 'fast-check'
import type { WebSocket } from 'ws'

/** One WebSocket message, or bytes that are none. */
export type Hostile =
  | { kind: 'text'; text: string; frames: number }
  | { kind: 'binary'; bytes: Uint8Array }
  /** A text in several WebSocket frames (RFC 6455, section 5.4). */
  | { kind: 'fragments'; parts: string[]; frames: number }
  /** Bytes on the TLS stream that break RFC 6455. */
  | { kind: 'wire'; bytes: Uint8Array }

/** How many protocol frames, or attempts at one, the message holds. */
export const frameCount = (message: Hostile): number => ('frames' in message ? message.frames : 1)

export function write(socket: WebSocket, message: Hostile): void {
  if (message.kind === 'text') socket.send(message.text)
  else if (message.kind === 'binary') socket.send(message.bytes, { binary: true })
  else if (message.kind === 'wire') rawSocket(socket).write(message.bytes)
  else {
    const last = message.parts.length - 1
    for (const [i, part] of message.parts.entries()) socket.send(part, { fin: i === last })
  }
}

/** The TLS socket below; ws has no public way to it. */
function rawSocket(socket: WebSocket): { write(bytes: Uint8Array): void } {
  return (socket as unknown as { _socket: { write(bytes: Uint8Array): void } })._socket
}

const types = Object.keys(clientFrames) as ClientFrameType[]
const prototypeKeys = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf']
const strangeText = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    '\u0000',
    '\ud800',
    '\udfff\ud800',
    '\u202e',
    '\ufeff',
    'A\u0300'.repeat(100),
    '😀'.repeat(500),
    'x'.repeat(limits.bodyBytes),
    'x'.repeat(limits.bodyBytes + 1),
    'é'.repeat(limits.bodyBytes / 2 + 1),
    ...prototypeKeys,
    ...types,
  ),
)
const strangeNumber = fc.oneof(
  fc.constantFrom(0, -1, 1, 1.5, -0, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e308, -1e308),
  fc.double(),
  fc.integer(),
)
const strangeValue = fc.oneof(
  { weight: 3, arbitrary: strangeText },
  { weight: 3, arbitrary: strangeNumber },
  { weight: 2, arbitrary: fc.constantFrom(null, true, false, [], {}, [[]], { length: 9 }) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
)

/** Frames over real channels; many are refused, some do what they say. */
function sensibleFrame(channels: readonly string[]): fc.Arbitrary<Record<string, unknown>> {
  const channel = fc.constantFrom(...channels, `c_${'z'.repeat(20)}`)
  const id = fc.oneof(
    fc.integer({ min: 1, max: 500 }).map((n) => `f${n}`),
    fc.string({ maxLength: 70 }),
  )
  const seq = fc.oneof(fc.integer({ min: 0, max: 50 }), strangeNumber)
  const body = fc.oneof(
    { weight: 8, arbitrary: fc.string({ minLength: 1, maxLength: 60 }) },
    { weight: 1, arbitrary: strangeText },
  )
  const t = <T extends ClientFrameType>(type: T) => fc.constant(type)
  return fc.oneof(
    fc.record(
      { t: t('send'), channel, id, body, priority: fc.constantFrom('normal', 'high', 'urgent'), reply: seq },
      { requiredKeys: ['t', 'channel', 'id', 'body'] },
    ),
    fc.record({ t: t('edit'), channel, id, seq, body }),
    fc.record({ t: t('delete'), channel, id, seq }),
    fc.record({ t: t('mark'), channel, delivered: seq, read: seq }, { requiredKeys: ['t', 'channel'] }),
    fc.record(
      { t: t('history'), channel, id, before: seq, after: seq, limit: fc.integer({ min: 0, max: 201 }) },
      { requiredKeys: ['t', 'channel', 'id'] },
    ),
    fc.record({ t: t('sync'), since: fc.dictionary(channel, seq, { maxKeys: 3 }) }),
    fc.record({ t: t('presence'), state: fc.constantFrom('online', 'away', 'gone') }),
    fc.record({ t: t('watch'), presence: fc.boolean() }),
    fc.record({ t: t('typing'), channel }),
    fc.record({ t: t('ping'), id }),
  )
}

/** A frame with one field changed, one too many or one gone. */
function damagedFrame(channels: readonly string[]): fc.Arbitrary<unknown> {
  const key = fc.oneof(
    fc.constantFrom('t', 'channel', 'id', 'body', 'seq', 'since', 'state', 'extra', ...prototypeKeys),
    fc.string(),
  )
  return fc.tuple(sensibleFrame(channels), key, fc.option(strangeValue)).map(([frame, name, value]) => {
    const copy: Record<string, unknown> = Object.assign(Object.create(null), frame)
    if (value === null) delete copy[name]
    else Object.defineProperty(copy, name, { value, enumerable: true, configurable: true, writable: true })
    return copy
  })
}

const text = (value: unknown): string => JSON.stringify(value) ?? 'null'
const deep = (depth: number, [open, close]: readonly [string, string]) =>
  open.repeat(depth) + close.repeat(depth)

/** Messages that a connection survives unless they are too many. */
function survivable(channels: readonly string[]): fc.Arbitrary<Hostile> {
  const frame = fc.oneof(
    { weight: 5, arbitrary: sensibleFrame(channels) },
    { weight: 4, arbitrary: damagedFrame(channels) },
    { weight: 1, arbitrary: strangeValue.filter((value) => !Array.isArray(value)) },
  )
  const one = frame.map((value): Hostile => ({ kind: 'text', text: text(value), frames: 1 }))
  const array = fc
    .array(frame, { minLength: 2, maxLength: 16 })
    .map((list): Hostile => ({ kind: 'text', text: text(list), frames: list.length }))
  const fragments = fc
    .tuple(fc.array(frame, { minLength: 1, maxLength: 4 }), fc.integer({ min: 2, max: 7 }))
    .map(([list, pieces]): Hostile => {
      // Cut between characters: ws would encode half a surrogate pair as something else.
      const whole = [...text(list)]
      const size = Math.ceil(whole.length / pieces)
      const parts = Array.from({ length: pieces }, (_, i) => whole.slice(i * size, (i + 1) * size).join(''))
      return { kind: 'fragments', parts, frames: list.length }
    })
  return fc.oneof(
    { weight: 30, arbitrary: one },
    { weight: 20, arbitrary: array },
    { weight: 5, arbitrary: fragments },
  )
}

/** Messages that must end the connection with a close code. */
function fatal(): fc.Arbitrary<Hostile> {
  const broken = fc.oneof(
    fc.string({ maxLength: 60 }).filter((s) => !isJson(s)),
    fc.constantFrom(
      '',
      '{',
      '[',
      '{"t":"ping"',
      '{"t":"ping"}}',
      "{'t':'ping'}",
      '[[[[',
      'NaN',
      '\u0000',
      '{"a":\ud83d',
    ),
    fc.integer({ min: 1, max: 100_000 }).map((n) => '['.repeat(n)),
    fc.integer({ min: 1, max: 20_000 }).map((n) => '{"a":'.repeat(n)),
  )
  return fc.oneof(
    { weight: 6, arbitrary: broken.map((value): Hostile => ({ kind: 'text', text: value, frames: 1 })) },
    {
      weight: 2,
      arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes): Hostile => ({ kind: 'binary', bytes })),
    },
    {
      weight: 1,
      arbitrary: fc.constant<Hostile>({
        kind: 'text',
        text: text(Array(limits.framesPerArray + 1).fill({ t: 'ping' })),
        frames: limits.framesPerArray + 1,
      }),
    },
    {
      weight: 1,
      arbitrary: fc
        .integer({ min: 1, max: 1000 })
        .map((n): Hostile => ({ kind: 'text', text: 'x'.repeat(limits.frameBytes + n), frames: 1 })),
    },
    // Not masked; reserved bits; unknown opcode; a continuation of nothing; a control frame that is too long; invalid UTF-8.
    {
      weight: 3,
      arbitrary: fc.constantFrom<Hostile>(
        ...[
          [0x81, 0x01, 0x41],
          [0xf1, 0x80, 0, 0, 0, 0],
          [0x8b, 0x80, 0, 0, 0, 0],
          [0x80, 0x80, 0, 0, 0, 0],
          [0x89, 0xfe, 0x01, 0x00, 0, 0, 0, 0],
          [0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28],
        ].map((bytes) => ({ kind: 'wire' as const, bytes: Uint8Array.from(bytes) })),
      ),
    },
  )
}

/** Deep and yet well-formed JSON, which must neither crash the parser nor end the connection. */
const nested: fc.Arbitrary<Hostile> = fc
  .tuple(
    fc.integer({ min: 10, max: 30_000 }),
    fc.constantFrom(['[', ']'] as const, ['{"since":', 'null}'] as const),
  )
  .map(([depth, [open, close]]) => ({
    kind: 'text',
    text: open === '[' ? deep(depth, [open, close]) : `${open.repeat(depth)}0${'}'.repeat(depth)}`,
    frames: 1,
  }))

export function hostileMessage(channels: readonly string[]): fc.Arbitrary<Hostile> {
  return fc.oneof(
    { weight: 220, arbitrary: survivable(channels) },
    { weight: 4, arbitrary: fatal() },
    { weight: 1, arbitrary: nested },
  )
}

function isJson(value: string): boolean {
  try {
    JSON.parse(value)
    return true
  } catch {
    return false
  }
}
