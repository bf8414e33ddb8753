/**
 * The hash tree of dm-verity, format 1 with SHA-256 and blocks of 4096 bytes, without a superblock (the kernel's
 * Documentation/admin-guide/device-mapper/verity.rst). RAUC appends it to a bundle's payload.
 */
import { createHash } from 'node:crypto'

export const blockBytes = 4096
const digestBytes = 32
const digestsPerBlock = blockBytes / digestBytes

/** Takes the payload's blocks in order and gives the tree, highest level first, and the root's hash. */
export class VerityTree {
  readonly #salt: Buffer
  readonly #digests: Buffer[] = []

  constructor(salt: Buffer) {
    this.#salt = salt
  }

  /** @param blocks whole blocks @throws RangeError when a part of one is left */
  add(blocks: Buffer): void {
    if (blocks.length % blockBytes !== 0) throw new RangeError('the payload is not made of whole blocks')
    for (let at = 0; at < blocks.length; at += blockBytes)
      this.#digests.push(this.#hash(blocks.subarray(at, at + blockBytes)))
  }

  finish(): { tree: Buffer; root: Buffer } {
    const levels: Buffer[] = []
    let digests = this.#digests
    do {
      const blocks = packed(digests)
      levels.unshift(Buffer.concat(blocks))
      digests = blocks.map((block) => this.#hash(block))
    } while (digests.length > 1)
    return { tree: Buffer.concat(levels), root: digests[0]! }
  }

  /** Whether a block is the one that was added in this place. */
  holds(index: number, block: Buffer): boolean {
    return this.#digests[index]?.equals(this.#hash(block)) ?? false
  }

  #hash(block: Buffer): Buffer {
    return createHash('sha256').update(this.#salt).update(block).digest()
  }
}

/** Bytes at places, as a file gives them. */
export interface ByteSource {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>
}

/** Gives nothing of a file but the blocks that are in the tree, also when somebody changes the file after it was looked at. */
export class CheckedBlocks implements ByteSource {
  readonly #file: ByteSource
  readonly #tree: VerityTree
  readonly #changed: () => Error

  /** @param changed makes the error that is thrown for any other block */
  constructor(file: ByteSource, tree: VerityTree, changed: () => Error) {
    this.#file = file
    this.#tree = tree
    this.#changed = changed
  }

  async read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesRead: number }> {
    const first = Math.floor(position / blockBytes)
    const blocks = Buffer.alloc(Math.ceil((position + length) / blockBytes - first) * blockBytes)
    await this.#file.read(blocks, 0, blocks.length, first * blockBytes)
    for (let at = 0; at < blocks.length; at += blockBytes)
      if (!this.#tree.holds(first + at / blockBytes, blocks.subarray(at, at + blockBytes)))
        throw this.#changed()
    const from = position - first * blockBytes
    return { bytesRead: blocks.copy(buffer, offset, from, from + length) }
  }
}

/** Digests side by side in blocks, the last one filled with zeros. */
function packed(digests: readonly Buffer[]): Buffer[] {
  const blocks: Buffer[] = []
  for (let at = 0; at < digests.length; at += digestsPerBlock) {
    const block = Buffer.alloc(blockBytes)
    for (const [index, digest] of digests.slice(at, at + digestsPerBlock).entries())
      digest.copy(block, index * digestBytes)
    blocks.push(block)
  }
  return blocks
}
