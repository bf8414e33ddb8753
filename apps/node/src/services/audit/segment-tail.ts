/** The end of the newest segment: finding it after a crash, and extending it. */
import { constants } from 'node:fs'
import { type FileHandle, type open, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { syncFolder } from '../../platform/files.ts'
import { genesisHash } from './chain.ts'
import { AuditDamageError } from './errors.ts'
import {
  type AuditRow,
  encodeHeader,
  encodeLine,
  listSegments,
  maxLineBytes,
  parseHeader,
  parseLine,
  parseSegmentName,
  segmentName,
} from './segment-format.ts'

/** Complete segments are never written again, not even by their owner. */
const completeMode = 0o400
const currentMode = 0o600
const writableBits = 0o222
const lineFeed = 0x0a

export interface TailOptions {
  directory: string
  /** Bytes at which a segment is complete. */
  segmentBytes: number
  /** Name for the headers of new segments. */
  facility: () => string
  /** Opens a file as node:fs/promises does. */
  openFile: typeof open
}

/** Where the files end on disk. */
export interface TailPosition {
  /** Newest event; 0 before the first. */
  seq: number
  /** The chain's hash after it. */
  hash: Buffer
}

interface Current {
  name: string
  file: FileHandle
  /** Bytes that are on disk for certain; more may have been written by an attempt that failed. */
  sizeBytes: number
  events: number
}

/** Appends to the newest segment and begins new ones. Every method may be called again after it failed. */
export class SegmentTail {
  readonly #options: TailOptions
  #position: TailPosition = { seq: 0, hash: genesisHash }
  /** The segment that is being written; null: the next event begins one. */
  #current: Current | null = null
  /** A segment whose beginning failed: it holds no event that counts and is begun again. */
  #unfinished: string | null = null
  #writeFailed = false

  constructor(options: TailOptions) {
    this.#options = options
  }

  get position(): TailPosition {
    return this.#position
  }

  /**
   * Finds the end of the files. An incomplete last line, which a crash leaves, is cut off; nothing else is changed.
   * @returns bytes that were cut off
   * @throws AuditDamageError when the newest segment is not what a crash can have left
   */
  async recover(): Promise<number> {
    await this.close()
    const names = await listSegments(this.#options.directory)
    const name = names.at(-1)
    if (name === undefined) {
      this.#position = { seq: 0, hash: genesisHash }
      return 0
    }
    const path = join(this.#options.directory, name)
    const handle = await this.#options.openFile(path, constants.O_RDONLY)
    let end: SegmentEnd | null
    let complete: boolean
    try {
      end = await readEnd(handle, path)
      complete = ((await handle.stat()).mode & writableBits) === 0
    } finally {
      await handle.close()
    }
    if (end === null) {
      // The crash came between creating the segment and writing its header: it never held an event.
      await rm(path)
      await syncFolder(this.#options.directory)
      return this.recover()
    }
    this.#position = end.position
    if (complete) {
      if (end.tornBytes === 0) return 0
      throw new AuditDamageError(`${path} is complete, and yet its last line is cut off`)
    }
    const file = await this.#options.openFile(path, constants.O_RDWR)
    this.#current = { name, file, sizeBytes: end.sizeBytes, events: end.events }
    if (end.tornBytes > 0) await this.#cutBack(this.#current)
    return end.tornBytes
  }

  /**
   * Appends events; they are on disk when this returns, and `position` then stands at the last of them.
   * @throws the system's error (ENOSPC, EIO, EACCES); `position` tells how far it came
   */
  async append(rows: readonly AuditRow[]): Promise<void> {
    let lines: string[] = []
    let pendingBytes = 0
    let last: AuditRow | undefined
    const write = async () => {
      if (last === undefined || this.#current === null) return
      await this.#write(this.#current, lines.join(''), { bytes: pendingBytes, events: lines.length, last })
      lines = []
      pendingBytes = 0
    }
    for (const row of rows) {
      const line = encodeLine(row.hash, row.event)
      const lineBytes = Buffer.byteLength(line)
      if (
        this.#current !== null &&
        this.#isFull(this.#current, { lines: lines.length, pendingBytes, lineBytes })
      ) {
        await write()
        await this.#complete(this.#current)
      }
      if (this.#current === null) await this.#begin(row.seq)
      lines.push(line)
      pendingBytes += lineBytes
      last = row
    }
    await write()
  }

  async close(): Promise<void> {
    const file = this.#current?.file
    this.#current = null
    await file?.close()
  }

  /** Depends only on the events before, so that files that are written again come out the same. */
  #isFull(current: Current, next: { lines: number; pendingBytes: number; lineBytes: number }): boolean {
    if (current.events + next.lines === 0) return false
    return current.sizeBytes + next.pendingBytes + next.lineBytes > this.#options.segmentBytes
  }

  async #write(
    current: Current,
    text: string,
    step: { bytes: number; events: number; last: AuditRow },
  ): Promise<void> {
    if (this.#writeFailed) await this.#cutBack(current)
    await this.#checkAlone(current)
    try {
      await writeFully(current.file, Buffer.from(text), current.sizeBytes)
      await current.file.datasync()
    } catch (error) {
      this.#writeFailed = true
      throw error
    }
    current.sizeBytes += step.bytes
    current.events += step.events
    this.#position = { seq: step.last.seq, hash: Buffer.from(step.last.hash) }
  }

  /** @throws AuditDamageError when somebody else removed or changed the segment since the last write */
  async #checkAlone(current: Current): Promise<void> {
    const { nlink, size } = await current.file.stat()
    if (nlink === 0) throw new AuditDamageError(`${current.name} was removed while the node wrote it`)
    if (size === current.sizeBytes) return
    throw new AuditDamageError(`${current.name} has ${size} bytes, and the node wrote ${current.sizeBytes}`)
  }

  /** Drops what a failed attempt or a crash left behind the last event that is on disk. */
  async #cutBack(current: Current): Promise<void> {
    await current.file.truncate(current.sizeBytes)
    await current.file.datasync()
    this.#writeFailed = false
  }

  async #complete(current: Current): Promise<void> {
    await current.file.chmod(completeMode)
    await current.file.sync()
    await this.close()
  }

  async #begin(firstSeq: number): Promise<void> {
    const { directory, facility, openFile } = this.#options
    const name = segmentName(firstSeq)
    const path = join(directory, name)
    if (this.#unfinished === name) await rm(path, { force: true })
    this.#unfinished = name
    const file = await openFile(path, 'wx+', currentMode)
    const header = Buffer.from(
      encodeHeader({ facility: facility(), firstSeq, previous: this.#position.hash }),
    )
    try {
      await writeFully(file, header, 0)
      await file.datasync()
      await syncFolder(directory)
    } catch (error) {
      await file.close()
      throw error
    }
    this.#unfinished = null
    this.#writeFailed = false
    this.#current = { name, file, sizeBytes: header.length, events: 0 }
  }
}

async function writeFully(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

interface SegmentEnd {
  position: TailPosition
  /** Bytes up to the last complete line. */
  sizeBytes: number
  /** 0: only the header. Otherwise at least 1; nothing asks for more. */
  events: number
  tornBytes: number
}

/** Reads how a segment ends; null when not even its header is complete. */
async function readEnd(file: FileHandle, path: string): Promise<SegmentEnd | null> {
  const { size } = await file.stat()
  const head = await readAt(file, 0, Math.min(size, maxLineBytes))
  const headerBytes = head.indexOf(lineFeed) + 1
  if (headerBytes === 0) {
    if (size < maxLineBytes) return null
    throw new AuditDamageError(`${path} has no header`)
  }
  const header = parseHeader(head.subarray(0, headerBytes - 1))
  if (typeof header === 'string') throw new AuditDamageError(`the header of ${path} ${header}`)
  if (header.firstSeq !== parseSegmentName(basename(path))) {
    throw new AuditDamageError(`the header of ${path} names ${header.firstSeq} as its first event`)
  }
  // A torn line and the complete one before it fit into twice the longest line.
  const from = Math.max(0, size - 2 * maxLineBytes)
  const tail = await readAt(file, from, size - from)
  const feed = tail.lastIndexOf(lineFeed)
  if (feed < 0) throw new AuditDamageError(`${path} ends with a line that is too long for an event`)
  const end = { sizeBytes: from + feed + 1, tornBytes: tail.length - feed - 1 }
  if (end.sizeBytes === headerBytes) {
    return { ...end, position: { seq: header.firstSeq - 1, hash: header.previous }, events: 0 }
  }
  const before = feed === 0 ? -1 : tail.lastIndexOf(lineFeed, feed - 1)
  const row = parseLine(tail.toString('utf8', before + 1, feed))
  if (row === null) throw new AuditDamageError(`the last complete line of ${path} is not an audit event`)
  return { ...end, position: { seq: row.seq, hash: Buffer.from(row.hash) }, events: 1 }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return buffer.subarray(0, done)
}
