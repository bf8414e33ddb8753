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

  #hash(block: Buffer): Buffer {
    return createHash('sha256').update(this.#salt).update(block).digest()
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
