/**
 * Format of the audit files, version 1.
 *
 * 1. A segment is a text file (UTF-8, line feeds) named by its first event's sequence: `000000000001.audit`.
 * 2. Each line is 64 lower-case hex digits, one space, JSON text, line feed.
 * 3. The first line is the header. Its hash is that of the chain before the segment extended by the header's text, so
 *    that no byte of it can change unseen; the chain of the events does not run through it.
 * 4. Every other line is one event: the chain's hash after it, and its exact text (chain.ts). Sequences have no gap.
 * 5. Only the newest segment is written, at its end. A complete one is read-only (0400).
 */
import { readdir } from 'node:fs/promises'
import { hashBytes, maxEventBytes, nextHash } from './chain.ts'

export const formatName = 'holdfast-audit'
export const formatVersion = 1
/** Size at which a segment is complete. Small enough to be copied and read whole, large enough to be few. */
export const segmentBytes = 16 * 1024 * 1024
/** Bytes of a line before its text: the hash and a space. */
export const linePrefixBytes = 2 * hashBytes + 1
/** Bytes of the longest line, the line feed included. */
export const maxLineBytes = linePrefixBytes + maxEventBytes + 1

const nameDigits = 12
const namePattern = new RegExp(`^\\d{${nameDigits}}\\.audit$`)
/** A hash as it is written: 64 lower-case digits. */
export const hexPattern = /^[0-9a-f]{64}$/
export const segmentSuffix = '.audit'

/** A row of the table audit_event: what is written to the files. */
export interface AuditRow {
  seq: number
  event: string
  hash: Uint8Array
}

export interface SegmentHeader {
  facility: string
  /** Sequence of the first event. */
  firstSeq: number
  /** Hash of the chain before the first event. */
  previous: Buffer
}

export function segmentName(firstSeq: number): string {
  return `${String(firstSeq).padStart(nameDigits, '0')}${segmentSuffix}`
}

/** The first sequence that a file name says, or null when it is not the name of a segment. */
export function parseSegmentName(name: string): number | null {
  return namePattern.test(name) ? Number(name.slice(0, nameDigits)) : null
}

/** Names of all files that end like segments, in the order of their events. */
export async function listSegments(directory: string): Promise<string[]> {
  const names = await readdir(directory)
  return names.filter((name) => name.endsWith(segmentSuffix)).sort()
}

export function encodeLine(hash: Uint8Array, text: string): string {
  return `${hexOf(hash)} ${text}\n`
}

function hexOf(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('hex')
}

export function encodeHeader({ facility, firstSeq, previous }: SegmentHeader): string {
  const text = JSON.stringify({
    format: formatName,
    version: formatVersion,
    facility,
    firstSeq,
    previous: previous.toString('hex'),
  })
  return encodeLine(nextHash(previous, text), text)
}

/**
 * Reads a header line without its line feed.
 * @returns what is wrong, in words that go on after "the header", when it is not a header as `encodeHeader` writes it
 */
export function parseHeader(line: Buffer): SegmentHeader | string {
  let value: unknown
  try {
    value = JSON.parse(line.toString('utf8', linePrefixBytes))
  } catch {
    return 'cannot be read'
  }
  if (typeof value !== 'object' || value === null) return 'cannot be read'
  const { format, version, facility, firstSeq, previous } = value as Record<string, unknown>
  if (format !== formatName) return 'does not name the format of an audit segment'
  if (version !== formatVersion)
    return `has format version ${String(version)}; this program reads ${formatVersion}`
  if (typeof facility !== 'string' || typeof firstSeq !== 'number' || typeof previous !== 'string') {
    return 'lacks a field'
  }
  if (!hexPattern.test(previous)) return 'was changed: the hash before the segment is none'
  const header = { facility, firstSeq, previous: Buffer.from(previous, 'hex') }
  // Bytes are compared, not text: bytes that are not UTF-8 would read as the same replacement character.
  const written = Buffer.from(encodeHeader(header))
  return written.subarray(0, -1).equals(line) ? header : 'was changed: its hash does not fit its text'
}

const linePattern = /^([0-9a-f]{64}) (\{"seq":(\d{1,15}),.*)$/s

/** Reads an event's line without its line feed; null when it does not look like one. The hash is not checked. */
export function parseLine(line: string): AuditRow | null {
  const [, hex, event, seq] = linePattern.exec(line) ?? []
  if (hex === undefined || event === undefined) return null
  return { seq: Number(seq), event, hash: Buffer.from(hex, 'hex') }
}
