/**
 * The Merkle tree over the audit events (RFC 6962 section 2.1, SHA-256). Leaf `n - 1` is the exact text of event `n`, so
 * that a tree of size `n` fixes the events 1 to `n`. Sizes are whole numbers below 2^53; proofs are lists of hashes.
 */
import { hash } from 'node:crypto'
import { hashBytes, maxEventBytes } from './chain.ts'

/** Hashes that a proof can have at most: trees here have fewer than 2^53 leaves. */
export const maxProofHashes = 64
/** Root of the tree without leaves: SHA-256 of nothing. */
export const emptyRoot: Buffer = hash('sha256', '', 'buffer')

const leafPrefix = 0x00
const nodePrefix = 0x01

/** Kept, because a copy of each event costs more than it seems; events are never longer. */
const leafInput = Buffer.alloc(1 + maxEventBytes)
leafInput[0] = leafPrefix

export function leafHash(leaf: string | Uint8Array): Buffer {
  const bytes = typeof leaf === 'string' ? Buffer.byteLength(leaf) : leaf.length
  const input = bytes <= maxEventBytes ? leafInput : Buffer.alloc(1 + bytes, leafPrefix)
  if (typeof leaf === 'string') input.write(leaf, 1, bytes, 'utf8')
  else input.set(leaf, 1)
  return hash('sha256', input.subarray(0, 1 + bytes), 'buffer')
}

const nodeInput = Buffer.alloc(1 + 2 * hashBytes)
nodeInput[0] = nodePrefix

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  nodeInput.set(left, 1)
  nodeInput.set(right, 1 + hashBytes)
  return hash('sha256', nodeInput, 'buffer')
}

/** A tree that only grows, as the roots of its complete subtrees: at most 53 hashes, whatever its size. */
export class Frontier {
  #size = 0
  /** Roots of the complete subtrees, the largest (leftmost) first: one for each 1 in the size's binary digits. */
  #roots: Buffer[] = []

  get size(): number {
    return this.#size
  }

  append(leaf: Buffer): void {
    let root = leaf
    // Each trailing 1 of the size is a complete subtree that the new leaf completes to one twice as large.
    for (let rest = this.#size; rest % 2 === 1; rest = Math.floor(rest / 2))
      root = nodeHash(this.#roots.pop() as Buffer, root)
    this.#roots.push(root)
    this.#size += 1
  }

  root(): Buffer {
    const last = this.#roots.at(-1)
    if (last === undefined) return emptyRoot
    let root = last
    for (const left of this.#roots.slice(0, -1).reverse()) root = nodeHash(left, root)
    return root
  }

  clone(): Frontier {
    const copy = new Frontier()
    copy.#size = this.#size
    copy.#roots = [...this.#roots]
    return copy
  }

  /** One line: the size and the hashes in base64, separated by spaces. */
  serialize(): string {
    return [String(this.#size), ...this.#roots.map((root) => root.toString('base64'))].join(' ')
  }

  /** @throws SyntaxError when the text is not one that `serialize` writes */
  static parse(text: string): Frontier {
    const [size = '', ...hashes] = text.split(' ')
    const frontier = new Frontier()
    frontier.#size = Number(size)
    frontier.#roots = hashes.map((each) => Buffer.from(each, 'base64'))
    const ones = frontier.#size.toString(2).replaceAll('0', '').length
    const fits =
      Number.isSafeInteger(frontier.#size) &&
      frontier.#size >= 0 &&
      frontier.#roots.length === ones &&
      frontier.#roots.every((root) => root.length === hashBytes) &&
      frontier.serialize() === text
    if (!fits) throw new SyntaxError('not the frontier of a tree')
    return frontier
  }
}

/** Leaves from `start` up to but not including `end`, whose subtree's root is a hash of a proof. */
export type LeafRange = readonly [start: number, end: number]

/** The ranges whose roots prove that leaf `index` is in the tree of `size` leaves, in the order of the proof. */
export function inclusionRanges(index: number, size: number): LeafRange[] {
  if (!isWithin(index, 0, size - 1)) throw new RangeError(`a tree of ${size} leaves has no leaf ${index}`)
  const ranges: LeafRange[] = []
  let start = 0
  let end = size
  while (end - start > 1) {
    const middle = start + split(end - start)
    if (index < middle) {
      ranges.push([middle, end])
      end = middle
    } else {
      ranges.push([start, middle])
      start = middle
    }
  }
  return ranges.reverse()
}

/** The ranges whose roots prove that the tree of `to` leaves continues that of `from`; none for 0 and for equal sizes. */
export function consistencyRanges(from: number, to: number): LeafRange[] {
  if (!isWithin(from, 0, to)) throw new RangeError(`a tree of ${to} leaves cannot continue one of ${from}`)
  if (from === 0 || from === to) return []
  const ranges: LeafRange[] = []
  let start = 0
  let end = to
  /** Whether the subtree at hand is the whole older tree, whose root the verifier knows. */
  let known = true
  while (from !== end) {
    const middle = start + split(end - start)
    if (from <= middle) {
      ranges.push([middle, end])
      end = middle
    } else {
      ranges.push([start, middle])
      start = middle
      known = false
    }
  }
  if (!known) ranges.push([start, end])
  return ranges.reverse()
}

/** Roots of ranges, computed in one pass over the leaves. */
export class RangeRoots {
  readonly #ranges: readonly LeafRange[]
  readonly #trees: Frontier[]
  /** Positions in `ranges`, by their first leaf: ranges of a proof do not overlap. */
  readonly #order: number[]
  #at = 0

  constructor(ranges: readonly LeafRange[]) {
    this.#ranges = ranges
    this.#trees = ranges.map(() => new Frontier())
    this.#order = ranges.map((_, i) => i).sort((a, b) => (ranges[a]?.[0] ?? 0) - (ranges[b]?.[0] ?? 0))
  }

  /** Takes the next leaf; leaves come in order, and those in no range may be left out. */
  add(index: number, leaf: () => Buffer): void {
    for (;;) {
      const position = this.#order[this.#at]
      const range = position === undefined ? undefined : this.#ranges[position]
      if (position === undefined || range === undefined || index < range[0]) return
      if (index < range[1]) {
        this.#trees[position]?.append(leaf())
        return
      }
      this.#at += 1
    }
  }

  /** @throws RangeError when leaves are missing */
  roots(): Buffer[] {
    return this.#ranges.map(([start, end], i) => {
      const tree = this.#trees[i]
      if (tree?.size !== end - start) throw new RangeError(`leaves ${start} to ${end - 1} are not all there`)
      return tree.root()
    })
  }
}

export interface InclusionProof {
  index: number
  size: number
  /** Hash of the leaf (`leafHash`). */
  leaf: Uint8Array
  proof: readonly Uint8Array[]
  root: Uint8Array
}

/** RFC 9162 section 2.1.3.2. */
export function verifyInclusion({ index, size, leaf, proof, root }: InclusionProof): boolean {
  if (!isWithin(index, 0, size - 1) || !areHashes([leaf, root, ...proof])) return false
  let node = index
  let last = size - 1
  let computed = leaf
  for (const sibling of proof) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      computed = nodeHash(sibling, computed)
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2)
        last = Math.floor(last / 2)
      }
    } else computed = nodeHash(computed, sibling)
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && Buffer.compare(computed, root) === 0
}

export interface ConsistencyProof {
  from: number
  to: number
  fromRoot: Uint8Array
  toRoot: Uint8Array
  proof: readonly Uint8Array[]
}

/** RFC 9162 section 2.1.4.2; that any tree continues the empty one needs no proof. */
export function verifyConsistency({ from, to, fromRoot, toRoot, proof }: ConsistencyProof): boolean {
  if (!isWithin(from, 0, to) || !areHashes([fromRoot, toRoot, ...proof])) return false
  if (from === 0) return proof.length === 0 && Buffer.compare(fromRoot, emptyRoot) === 0
  if (from === to) return proof.length === 0 && Buffer.compare(fromRoot, toRoot) === 0
  const path = isPowerOfTwo(from) ? [fromRoot, ...proof] : proof
  let node = from - 1
  let last = to - 1
  while (node % 2 === 1) {
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  const [first, ...rest] = path
  if (first === undefined) return false
  let older = first
  let newer = first
  for (const each of rest) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      older = nodeHash(each, older)
      newer = nodeHash(each, newer)
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2)
        last = Math.floor(last / 2)
      }
    } else newer = nodeHash(newer, each)
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && Buffer.compare(older, fromRoot) === 0 && Buffer.compare(newer, toRoot) === 0
}

/** The largest power of two that is smaller than `size`, for a size above 1. */
function split(size: number): number {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}

function isPowerOfTwo(size: number): boolean {
  let power = 1
  while (power < size) power *= 2
  return power === size
}

function isWithin(value: number, low: number, high: number): boolean {
  return Number.isSafeInteger(value) && Number.isSafeInteger(high) && value >= low && value <= high
}

function areHashes(values: readonly Uint8Array[]): boolean {
  return values.length <= maxProofHashes + 2 && values.every((value) => value.length === hashBytes)
}
