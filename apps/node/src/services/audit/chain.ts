import { hash } from 'node:crypto'

/** Bytes of a chain hash (SHA-256, FIPS 180-4). */
export const hashBytes = 32
/** UTF-8 bytes of one event's text, so that a verifier can bound its memory; a larger detail is replaced by its digest. */
export const maxEventBytes = 64 * 1024
/** The chain before its first event: 32 zero bytes. */
export const genesisHash: Buffer = Buffer.alloc(hashBytes)

/** What one event says. Order and names of the fields are part of the format. */
export interface AuditEventFields {
  /** 1 for the facility's first event, then without a gap. */
  seq: number
  /** Milliseconds since 1970, as the command carried it. */
  at: number
  /** Id of who acted; empty when nobody was logged in. */
  actor: string
  /** The actor's name at that time, so that the log can be read after the person is gone. */
  actorName: string
  action: string
  /** Id of what was acted on; empty when there is none. */
  target: string
  outcome: 'done' | 'refused'
  /** Network address the request came from; empty for the node itself. */
  remote: string
  detail: Record<string, unknown>
}

const fieldNames = [
  'seq',
  'at',
  'actor',
  'actorName',
  'action',
  'target',
  'outcome',
  'remote',
  'detail',
] as const satisfies (keyof AuditEventFields)[]

/**
 * The one text of an event: JSON (RFC 8259) with the fields in fixed order, no spaces and no line feed.
 * Total and deterministic, because the state machine calls it: a detail that makes the text larger than
 * `maxEventBytes` is replaced by its size and SHA-256.
 */
export function encodeEvent(fields: AuditEventFields): string {
  const text = encode(fields, fields.detail)
  // A UTF-16 unit takes at most three bytes, so most events need no count.
  if (text.length * 3 <= maxEventBytes || Buffer.byteLength(text) <= maxEventBytes) return text
  const detail = JSON.stringify(fields.detail)
  return encode(fields, { oversizeBytes: Buffer.byteLength(detail), sha256: hash('sha256', detail) })
}

function encode(fields: AuditEventFields, detail: Record<string, unknown>): string {
  const { seq, at, actor, actorName, action, target, outcome, remote } = fields
  return JSON.stringify({ seq, at, actor, actorName, action, target, outcome, remote, detail })
}

/**
 * Reads an event's text.
 * @throws SyntaxError when the text is not an event exactly as `encodeEvent` writes it
 */
export function parseEvent(text: string): AuditEventFields {
  const value: unknown = JSON.parse(text)
  if (!isEvent(value)) throw new SyntaxError(`not an audit event: ${text.slice(0, 80)}`)
  if (encode(value, value.detail) !== text)
    throw new SyntaxError(`not in canonical form: ${text.slice(0, 80)}`)
  return value
}

function isEvent(value: unknown): value is AuditEventFields {
  if (typeof value !== 'object' || value === null) return false
  const fields = value as Record<string, unknown>
  return (
    Object.keys(fields).join() === fieldNames.join() &&
    Number.isSafeInteger(fields.seq) &&
    Number.isSafeInteger(fields.at) &&
    ['actor', 'actorName', 'action', 'target', 'remote'].every((name) => typeof fields[name] === 'string') &&
    (fields.outcome === 'done' || fields.outcome === 'refused') &&
    typeof fields.detail === 'object' &&
    fields.detail !== null &&
    !Array.isArray(fields.detail)
  )
}

/**
 * The hash after one more event: SHA-256 over the 32 bytes of the hash before it and the event's UTF-8 bytes.
 * Every hash therefore fixes the whole history before it.
 */
export function nextHash(previous: Uint8Array, event: string | Uint8Array): Buffer {
  const eventBytes = typeof event === 'string' ? Buffer.byteLength(event) : event.length
  const input = Buffer.allocUnsafe(hashBytes + eventBytes)
  input.set(previous, 0)
  if (typeof event === 'string') input.write(event, hashBytes, eventBytes, 'utf8')
  else input.set(event, hashBytes)
  return hash('sha256', input, 'buffer')
}
