import { hash } from 'node:crypto'
import { genesisHash, hashBytes } from './chain.ts'
import { hexPattern, linePrefixBytes, parseHeader, parseSegmentName } from './segment-format.ts'
import { eventRange, type Faults } from './verify-faults.ts'
import type { RawLine } from './verify-lines.ts'

/** `{"seq":` in bytes: how the text of each event begins. */
const seqKey = Buffer.from('{"seq":')
const comma = 0x2c
const space = 0x20
const zero = 0x30
/** Digits of the largest sequence that a JavaScript number holds exactly. */
const maxSeqDigits = 15

/**
 * Follows the chain through the lines of all segments. After a fault it goes on from what the file says, so that each
 * damaged place is told once and the rest is still checked.
 */
export class FileChain {
  readonly #faults: Faults
  /** Sequence of the newest good line; the next one has to follow it. */
  seq = 0
  /** The chain's hash after it, as the file says. */
  readonly hash: Buffer = Buffer.from(genesisHash)
  /** Lines whose hash fits the line before. */
  events = 0
  #name = ''
  /** Whether the hash before could not be read, so that the next event has nothing to continue. */
  #adrift = false

  constructor(faults: Faults) {
    this.#faults = faults
  }

  /**
   * Checks the header, the first line of each segment, and whether the segment follows the one before.
   * @returns whether the segment's events are to be checked: those of a copy are not
   */
  header(name: string, line: RawLine): boolean {
    this.#name = name
    const named = parseSegmentName(name)
    if (named === null) this.fault(line, 'the file name is not that of a segment')
    const header = line.kind === 'whole' ? parseHeader(line.bytes) : 'is cut off'
    if (typeof header === 'string') {
      this.fault(line, `the header ${header}`)
      return true
    }
    const { firstSeq, previous } = header
    if (named !== null && firstSeq !== named) {
      this.fault(line, `the header says that event ${firstSeq} is the first, the file name ${named}`)
    }
    if (firstSeq <= this.seq) {
      this.fault(
        line,
        `the segment begins at event ${firstSeq}, which stands in a segment before: it is a copy`,
      )
      return false
    }
    if (firstSeq > this.seq + 1) {
      this.fault(line, `${eventRange(this.seq + 1, firstSeq - 1)} before this segment: missing`)
    } else if (!previous.equals(this.hash) && !this.#adrift) {
      this.fault(
        line,
        `the segment does not continue the one before: the hash before event ${firstSeq} differs`,
      )
    }
    this.seq = firstSeq - 1
    previous.copy(this.hash)
    this.#adrift = false
    return true
  }

  /**
   * Checks one event. Writes into the line's bytes: the hash before it takes the place of hex digits, so that the
   * input of SHA-256 lies in one piece without a copy.
   * @returns the event's sequence, or null when the line holds no event at its place
   */
  event(line: RawLine): number | null {
    const { bytes } = line
    if (line.kind === 'cut') {
      this.fault(line, 'the line is cut off; the node writes it again when it starts')
      return null
    }
    const seq = line.kind === 'long' ? null : readSeq(bytes)
    if (seq === null) {
      this.fault(line, 'the line is not an event: it was changed or inserted')
      this.#adrift = true
      return null
    }
    if (seq <= this.seq) {
      this.fault(line, `event ${seq} stands after event ${this.seq}: it was moved or inserted`)
      return null
    }
    const written = bytes.toString('latin1', 0, 2 * hashBytes)
    this.hash.copy(bytes, linePrefixBytes - hashBytes)
    const fits = hash('sha256', bytes.subarray(linePrefixBytes - hashBytes), 'hex') === written
    if (fits) this.events++
    else this.#misfit(line, seq, written)
    this.seq = seq
    this.hash.write(written, 'hex')
    return seq
  }

  /** Names what is wrong with an event that does not continue the chain, unless the line before tells it already. */
  #misfit(line: RawLine, seq: number, written: string): void {
    const validHash = hexPattern.test(written)
    if (!validHash) this.fault(line, `the hash of event ${seq} was changed`)
    else if (seq > this.seq + 1) {
      this.fault(line, `${eventRange(this.seq + 1, seq - 1)} before event ${seq}: missing or moved`)
    } else if (!this.#adrift) this.fault(line, `event ${seq} or its hash was changed`)
    this.#adrift = !validHash
  }

  emptySegment(name: string): void {
    this.#faults.add(`${name}: the file is empty`)
  }

  fault(line: { number: number; offset: number }, what: string): void {
    this.#faults.add(`${this.#name} line ${line.number} (byte ${line.offset}): ${what}`)
  }
}

/** The sequence at the beginning of a line's text, or null when the line does not begin like an event. */
function readSeq(bytes: Buffer): number | null {
  const from = linePrefixBytes + seqKey.length
  if (bytes.length <= from || bytes[linePrefixBytes - 1] !== space) return null
  if (bytes.compare(seqKey, 0, seqKey.length, linePrefixBytes, from) !== 0) return null
  let seq = 0
  let at = from
  for (; at < bytes.length && at - from < maxSeqDigits; at++) {
    const digit = (bytes[at] ?? comma) - zero
    if (digit < 0 || digit > 9) break
    seq = seq * 10 + digit
  }
  return at > from && bytes[at] === comma ? seq : null
}
