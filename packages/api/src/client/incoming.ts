import { HoldfastError } from '../contract/errors.ts'
import type { Entry, ServerFrame } from '../contract/frames.ts'

const types: Record<ServerFrame['t'], true> = {
  hello: true,
  ready: true,
  ack: true,
  entry: true,
  page: true,
  synced: true,
  marks: true,
  channel: true,
  presence: true,
  typing: true,
  resync: true,
  notice: true,
  error: true,
  pong: true,
}

/**
 * The frames of one WebSocket message. Frames of types that this version does not know are left out: a newer node may
 * send them. The fields that decide about order and delivery are checked, for a wrong one would do silent harm.
 * @throws HoldfastError `bad-request` for what is not the protocol.
 */
export function parseMessage(data: unknown): ServerFrame[] {
  if (typeof data !== 'string') throw broken('a binary message')
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch (cause) {
    throw broken('a message that is not JSON', cause)
  }
  const frames = Array.isArray(value) ? (value as unknown[]) : [value]
  return frames.filter(isKnownFrame)
}

function isKnownFrame(value: unknown): value is ServerFrame {
  if (typeof value !== 'object' || value === null || !('t' in value) || typeof value.t !== 'string')
    throw broken('a frame without a type')
  if (!Object.hasOwn(types, value.t)) return false
  const frame = value as ServerFrame
  if (frame.t === 'entry') checkEntry(frame)
  if (frame.t === 'page') {
    if (!Array.isArray(frame.entries) || !isSeq(frame.head) || !isSeq(frame.floor))
      throw broken('a page without entries, head or floor')
    for (const entry of frame.entries) checkEntry(entry, frame.channel)
  }
  if (frame.t === 'ack' && (typeof frame.id !== 'string' || !isSeq(frame.seq)))
    throw broken('an ack without id or sequence')
  if (frame.t === 'ready' && !Array.isArray(frame.channels)) throw broken('a ready without channels')
  return true
}

function checkEntry(entry: Entry, channel?: string): void {
  if (!isSeq(entry.seq) || typeof entry.channel !== 'string' || typeof entry.body !== 'string')
    throw broken('an entry without channel, sequence or body')
  if (channel !== undefined && entry.channel !== channel)
    throw broken('a page with an entry of another channel')
}

function isSeq(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function broken(what: string, cause?: unknown): HoldfastError {
  return new HoldfastError('bad-request', `The node sent ${what}. Is this address a Holdfast node?`, {
    cause,
  })
}
