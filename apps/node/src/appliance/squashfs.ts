/**
 * Reads the files at the top of a squashfs 4.0 (the kernel's Documentation/filesystems/squashfs.rst), as a bundle's payload
 * is one. So a bundle is opened on machines without squashfs-tools, in containers too:
 *
 *   1 superblock · 2 the inode of the root · 3 its directory's entries · 4 a file's inode · 5 its blocks and its fragment
 */
import { createHash } from 'node:crypto'
import { createWriteStream, rmSync } from 'node:fs'
import { finished } from 'node:stream/promises'
import { inflateSync } from 'node:zlib'
import type { ByteSource } from './verity.ts'

const superblockBytes = 96
const magic = 0x73717368
const gzip = 1
const metadataBytes = 8192
/** Of a metadata block's header, a data block's and a fragment's size: the bytes are not compressed. */
const metadataPlain = 0x8000
const blockPlain = 1 << 24
const noFragment = 0xffffffff
const fragmentEntryBytes = 16
const inodeTypes = { directory: 1, file: 2, largeDirectory: 8, largeFile: 9 } as const
/** Entries and names of a directory that are read: a bundle has some ten. */
const maxEntries = 1000
const maxBlockBytes = 1024 * 1024

/** The file system is not one that this reader takes. */
export class SquashfsError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SquashfsError'
  }
}

interface Inode {
  bytes: number
  /** Where the first block lies. */
  start: number
  fragment: number
  fragmentOffset: number
  blocks: number[]
}

interface Superblock {
  blockBytes: number
  rootInode: { block: number; offset: number }
  inodes: number
  directories: number
  fragments: number
}

export class Squashfs {
  readonly #handle: ByteSource
  readonly #super: Superblock
  readonly #files: ReadonlyMap<string, Inode>

  private constructor(handle: ByteSource, superblock: Superblock, files: ReadonlyMap<string, Inode>) {
    this.#handle = handle
    this.#super = superblock
    this.#files = files
  }

  /** @throws SquashfsError */
  static async open(handle: ByteSource): Promise<Squashfs> {
    const superblock = parseSuperblock(await readAt(handle, 0, superblockBytes))
    const reader = new TopFolder(handle, superblock)
    return new Squashfs(handle, superblock, await reader.files())
  }

  /** Names of the files at the top. */
  get names(): string[] {
    return [...this.#files.keys()]
  }

  /** @returns the whole file; null when there is none. @throws SquashfsError when it is over the bound */
  async read(name: string, maxBytes: number): Promise<Buffer | null> {
    const inode = this.#files.get(name)
    if (inode === undefined) return null
    if (inode.bytes > maxBytes) throw new SquashfsError(`${name} has ${inode.bytes} bytes, over ${maxBytes}`)
    const chunks: Buffer[] = []
    for await (const chunk of this.#chunks(inode)) chunks.push(chunk)
    return Buffer.concat(chunks)
  }

  /**
   * Writes a file out, flushed to the disk.
   * @returns its SHA-256, hex @throws SquashfsError when there is none; the system's error
   */
  async extract(name: string, to: string, mode = 0o600): Promise<string> {
    const inode = this.#files.get(name)
    if (inode === undefined) throw new SquashfsError(`there is no ${name} in it`)
    const sum = createHash('sha256')
    // In a folder that others may write, a link could wait under this name: it is removed, never followed.
    rmSync(to, { force: true })
    const out = createWriteStream(to, { flags: 'wx', mode, flush: true })
    const done = finished(out)
    // Whoever waits for room learns of a failure too.
    done.catch(() => {})
    try {
      for await (const chunk of this.#chunks(inode)) {
        sum.update(chunk)
        if (!out.write(chunk))
          await Promise.race([new Promise<void>((resolve) => out.once('drain', () => resolve())), done])
      }
      out.end()
      await done
      return sum.digest('hex')
    } finally {
      out.destroy()
    }
  }

  async *#chunks(inode: Inode): AsyncGenerator<Buffer> {
    const { blockBytes } = this.#super
    let at = inode.start
    let left = inode.bytes
    for (const size of inode.blocks) {
      const wanted = Math.min(blockBytes, left)
      yield await this.#block(at, size, wanted)
      at += size & (blockPlain - 1)
      left -= wanted
    }
    if (left === 0) return
    const block = await this.#fragment(inode.fragment)
    const tail = block.subarray(inode.fragmentOffset, inode.fragmentOffset + left)
    if (tail.length !== left) throw damaged()
    yield tail
  }

  /** @param size as the file system notes it: 0 is a block of zeros */
  async #block(at: number, size: number, wanted: number): Promise<Buffer> {
    if (size === 0) return Buffer.alloc(wanted)
    const stored = await readAt(this.#handle, at, bounded(size & (blockPlain - 1)))
    const block = size & blockPlain ? stored : inflate(stored, this.#super.blockBytes)
    if (block.length !== wanted) throw damaged()
    return block
  }

  async #fragment(index: number): Promise<Buffer> {
    const perBlock = metadataBytes / fragmentEntryBytes
    const pointer = this.#super.fragments + Math.floor(index / perBlock) * 8
    const table = number64(await readAt(this.#handle, pointer, 8), 0)
    const entry = await new Metadata(this.#handle, table, (index % perBlock) * fragmentEntryBytes).read(
      fragmentEntryBytes,
    )
    const size = entry.readUInt32LE(8)
    const stored = await readAt(this.#handle, number64(entry, 0), bounded(size & (blockPlain - 1)))
    return size & blockPlain ? stored : inflate(stored, this.#super.blockBytes)
  }
}

/** Bytes of metadata, read on over the blocks that they are cut into. */
class Metadata {
  readonly #handle: ByteSource
  #next: number
  #block: Buffer = Buffer.alloc(0)
  #offset: number

  constructor(handle: ByteSource, at: number, offset: number) {
    this.#handle = handle
    this.#next = at
    this.#offset = offset
  }

  async read(bytes: number): Promise<Buffer> {
    const parts: Buffer[] = []
    for (let left = bytes; left > 0; ) {
      if (this.#offset >= this.#block.length) await this.#advance()
      const part = this.#block.subarray(this.#offset, this.#offset + left)
      parts.push(part)
      this.#offset += part.length
      left -= part.length
    }
    return Buffer.concat(parts)
  }

  async #advance(): Promise<void> {
    // The first offset counts from the first block's beginning.
    this.#offset -= this.#block.length
    const header = (await readAt(this.#handle, this.#next, 2)).readUInt16LE()
    const size = header & (metadataPlain - 1)
    const stored = await readAt(this.#handle, this.#next + 2, size)
    this.#block = header & metadataPlain ? stored : inflate(stored, metadataBytes)
    this.#next += 2 + size
    if (this.#block.length === 0 || this.#offset >= this.#block.length) throw damaged()
  }
}

class TopFolder {
  readonly #handle: ByteSource
  readonly #super: Superblock

  constructor(handle: ByteSource, superblock: Superblock) {
    this.#handle = handle
    this.#super = superblock
  }

  async files(): Promise<Map<string, Inode>> {
    const { block, offset, bytes } = await this.#folder()
    const entries = new Metadata(this.#handle, this.#super.directories + block, offset)
    const files = new Map<string, Inode>()
    for (let read = 0; read < bytes; ) {
      const header = await entries.read(12)
      read += 12
      const count = header.readUInt32LE(0) + 1
      const start = header.readUInt32LE(4)
      if (files.size + count > maxEntries) throw damaged()
      for (let n = 0; n < count; n++) {
        const entry = await entries.read(8)
        const name = (await entries.read(entry.readUInt16LE(6) + 1)).toString('utf8')
        read += 8 + Buffer.byteLength(name)
        if (entry.readUInt16LE(4) === inodeTypes.file)
          files.set(name, await this.#file(start, entry.readUInt16LE(0)))
      }
    }
    return files
  }

  /** The root's place in the directory table. Its size counts three bytes that are not there. */
  async #folder(): Promise<{ block: number; offset: number; bytes: number }> {
    const { block, offset } = this.#super.rootInode
    const inode = new Metadata(this.#handle, this.#super.inodes + block, offset)
    const type = (await inode.read(16)).readUInt16LE(0)
    if (type === inodeTypes.directory) {
      const body = await inode.read(16)
      return { block: body.readUInt32LE(0), offset: body.readUInt16LE(10), bytes: body.readUInt16LE(8) - 3 }
    }
    if (type !== inodeTypes.largeDirectory) throw damaged()
    const body = await inode.read(24)
    return { block: body.readUInt32LE(8), offset: body.readUInt16LE(18), bytes: body.readUInt32LE(4) - 3 }
  }

  async #file(block: number, offset: number): Promise<Inode> {
    const inode = new Metadata(this.#handle, this.#super.inodes + block, offset)
    const type = (await inode.read(16)).readUInt16LE(0)
    if (type === inodeTypes.file) {
      const body = await inode.read(16)
      const [start, fragment, fragmentOffset, bytes] = [0, 4, 8, 12].map((at) => body.readUInt32LE(at))
      return await this.#withBlocks(inode, { start, fragment, fragmentOffset, bytes } as Inode)
    }
    if (type !== inodeTypes.largeFile) throw damaged()
    const body = await inode.read(40)
    return await this.#withBlocks(inode, {
      start: number64(body, 0),
      bytes: number64(body, 8),
      fragment: body.readUInt32LE(28),
      fragmentOffset: body.readUInt32LE(32),
      blocks: [],
    })
  }

  async #withBlocks(list: Metadata, inode: Inode): Promise<Inode> {
    const { blockBytes } = this.#super
    const exact = inode.bytes / blockBytes
    const count = inode.fragment === noFragment ? Math.ceil(exact) : Math.floor(exact)
    const sizes = await list.read(count * 4)
    return { ...inode, blocks: Array.from({ length: count }, (_, index) => sizes.readUInt32LE(index * 4)) }
  }
}

function parseSuperblock(bytes: Buffer): Superblock {
  if (bytes.readUInt32LE(0) !== magic || bytes.readUInt16LE(28) !== 4)
    throw new SquashfsError('it is no squashfs 4.0')
  if (bytes.readUInt16LE(20) !== gzip) throw new SquashfsError('it is not packed with gzip')
  const blockBytes = bounded(bytes.readUInt32LE(12))
  const root = bytes.readBigUInt64LE(32)
  return {
    blockBytes,
    rootInode: { block: Number(root >> 16n), offset: Number(root & 0xffffn) },
    inodes: number64(bytes, 64),
    directories: number64(bytes, 72),
    fragments: number64(bytes, 80),
  }
}

function bounded(bytes: number): number {
  if (bytes > maxBlockBytes) throw damaged()
  return bytes
}

function inflate(stored: Buffer, maxBytes: number): Buffer {
  try {
    return inflateSync(stored, { maxOutputLength: maxBytes })
  } catch {
    throw damaged()
  }
}

function number64(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at))
}

async function readAt(handle: ByteSource, at: number, bytes: number): Promise<Buffer> {
  if (!Number.isSafeInteger(at)) throw damaged()
  const buffer = Buffer.alloc(bytes)
  const { bytesRead } = await handle.read(buffer, 0, bytes, at)
  if (bytesRead !== bytes) throw damaged()
  return buffer
}

function damaged(): SquashfsError {
  return new SquashfsError('it is damaged')
}
