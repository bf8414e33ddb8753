import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  consistencyRanges,
  emptyRoot,
  Frontier,
  inclusionRanges,
  type LeafRange,
  leafHash,
  RangeRoots,
  verifyConsistency,
  verifyInclusion,
} from './merkle.ts'

/** The definitions of RFC 6962 section 2.1 word for word, without regard to cost. */
const naive = {
  split: (n: number) => 2 ** Math.floor(Math.log2(n - 1)),
  root(leaves: readonly string[]): Buffer {
    const [first] = leaves
    if (first === undefined) return createHash('sha256').digest()
    if (leaves.length === 1) return createHash('sha256').update('\0').update(first).digest()
    const k = naive.split(leaves.length)
    const [left, right] = [naive.root(leaves.slice(0, k)), naive.root(leaves.slice(k))]
    return createHash('sha256').update('\x01').update(left).update(right).digest()
  },
  path(m: number, leaves: readonly string[]): Buffer[] {
    if (leaves.length <= 1) return []
    const k = naive.split(leaves.length)
    return m < k
      ? [...naive.path(m, leaves.slice(0, k)), naive.root(leaves.slice(k))]
      : [...naive.path(m - k, leaves.slice(k)), naive.root(leaves.slice(0, k))]
  },
  subproof(m: number, leaves: readonly string[], whole: boolean): Buffer[] {
    if (m === leaves.length) return whole ? [] : [naive.root(leaves)]
    const k = naive.split(leaves.length)
    return m <= k
      ? [...naive.subproof(m, leaves.slice(0, k), whole), naive.root(leaves.slice(k))]
      : [...naive.subproof(m - k, leaves.slice(k), false), naive.root(leaves.slice(0, k))]
  },
}

const anyLeaves = fc.array(fc.string({ unit: 'binary', maxLength: 8 }), { minLength: 1, maxLength: 70 })

function frontierOf(leaves: readonly string[]): Frontier {
  const frontier = new Frontier()
  for (const leaf of leaves) frontier.append(leafHash(leaf))
  return frontier
}

function rootsOf(ranges: readonly LeafRange[], leaves: readonly string[]): Buffer[] {
  const roots = new RangeRoots(ranges)
  for (const [index, leaf] of leaves.entries()) roots.add(index, () => leafHash(leaf))
  return roots.roots()
}

describe('the frontier', () => {
  it('has the root of RFC 6962 after each leaf', () => {
    fc.assert(
      fc.property(anyLeaves, (leaves) => {
        const frontier = new Frontier()
        expect(frontier.root()).toEqual(emptyRoot)
        for (const [index, leaf] of leaves.entries()) {
          frontier.append(leafHash(leaf))
          expect(frontier.size).toBe(index + 1)
          expect(frontier.root()).toEqual(naive.root(leaves.slice(0, index + 1)))
        }
      }),
    )
  })

  it('knows the test vectors of Certificate Transparency', () => {
    const inputs = [
      '',
      '00',
      '10',
      '2021',
      '3031',
      '40414243',
      '5051525354555657',
      '606162636465666768696a6b6c6d6e6f',
    ]
    const frontier = new Frontier()
    const roots = inputs.map((input) => {
      frontier.append(leafHash(Buffer.from(input, 'hex')))
      return frontier.root().toString('hex')
    })
    expect(roots[0]).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d')
    expect(roots[7]).toBe('5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328')
  })

  it('goes on where it was written down, and its copy goes its own way', () => {
    fc.assert(
      fc.property(anyLeaves, anyLeaves, (before, after) => {
        const frontier = frontierOf(before)
        const read = Frontier.parse(frontier.serialize())
        const copy = frontier.clone()
        for (const leaf of after) read.append(leafHash(leaf))
        copy.append(leafHash('another'))
        expect(read.root()).toEqual(naive.root([...before, ...after]))
        expect(frontier.root()).toEqual(naive.root(before))
      }),
    )
  })

  it('refuses texts that it did not write', () => {
    const good = frontierOf(['a', 'b', 'c']).serialize()
    for (const bad of [
      '',
      'x',
      '-1',
      '1.5',
      `${good} AAAA`,
      good.slice(0, -1),
      good.replace('3', '4'),
      ` ${good}`,
    ])
      expect(() => Frontier.parse(bad)).toThrow(SyntaxError)
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(text !== '0')
        expect(() => Frontier.parse(text)).toThrow(SyntaxError)
      }),
    )
  })
})

const indexed = anyLeaves.chain((leaves) =>
  fc.record({ leaves: fc.constant(leaves), index: fc.nat({ max: leaves.length - 1 }) }),
)

describe('inclusion', () => {
  it('is proved by the path of RFC 6962, and the proof verifies', () => {
    fc.assert(
      fc.property(indexed, ({ leaves, index }) => {
        const size = leaves.length
        const proof = rootsOf(inclusionRanges(index, size), leaves)
        expect(proof).toEqual(naive.path(index, leaves))
        const leaf = leafHash(leaves[index] ?? '')
        expect(verifyInclusion({ index, size, leaf, proof, root: naive.root(leaves) })).toBe(true)
      }),
    )
  })

  it('is not proved by anything else', () => {
    fc.assert(
      fc.property(indexed, fc.nat(), fc.nat({ max: 255 }), ({ leaves, index }, place, flip) => {
        const size = leaves.length
        const proof = naive.path(index, leaves)
        const leaf = leafHash(leaves[index] ?? '')
        const root = naive.root(leaves)
        const good = { index, size, leaf, proof, root }
        const changed = (hash: Buffer): Buffer => {
          const copy = Buffer.from(hash)
          const at = place % copy.length
          copy[at] = (copy[at] ?? 0) ^ (flip || 1)
          return copy
        }
        expect(verifyInclusion({ ...good, leaf: changed(leaf) })).toBe(false)
        expect(verifyInclusion({ ...good, root: changed(root) })).toBe(false)
        expect(verifyInclusion({ ...good, proof: [...proof, leaf] })).toBe(false)
        if (proof.length > 0) {
          const at = place % proof.length
          const other = proof.map((hash, i) => (i === at ? changed(hash) : hash))
          expect(verifyInclusion({ ...good, proof: other })).toBe(false)
          expect(verifyInclusion({ ...good, proof: proof.slice(1) })).toBe(false)
          expect(verifyInclusion({ ...good, proof: [Buffer.alloc(5), ...proof.slice(1)] })).toBe(false)
        }
        for (const wrong of [-1, size, 0.5, Number.NaN])
          expect(verifyInclusion({ ...good, index: wrong })).toBe(false)
      }),
    )
  })
})

const pairs = anyLeaves.chain((leaves) =>
  fc.record({ leaves: fc.constant(leaves), from: fc.nat({ max: leaves.length }) }),
)

describe('consistency', () => {
  it('is proved by the subproof of RFC 6962, and the proof verifies', () => {
    fc.assert(
      fc.property(pairs, ({ leaves, from }) => {
        const to = leaves.length
        const proof = rootsOf(consistencyRanges(from, to), leaves)
        if (from > 0) expect(proof).toEqual(naive.subproof(from, leaves, true))
        const [fromRoot, toRoot] = [naive.root(leaves.slice(0, from)), naive.root(leaves)]
        expect(verifyConsistency({ from, to, fromRoot, toRoot, proof })).toBe(true)
      }),
    )
  })

  it('of a history that was rewritten cannot be proved, whatever proof the rewriter takes', () => {
    fc.assert(
      fc.property(
        pairs.filter(({ from }) => from > 0),
        fc.nat(),
        ({ leaves, from }, place) => {
          const to = leaves.length
          const at = place % from
          const rewritten = leaves.map((leaf, i) => (i === at ? `${leaf}!` : leaf))
          const fromRoot = naive.root(leaves.slice(0, from))
          const toRoot = naive.root(rewritten)
          for (const source of [leaves, rewritten]) {
            const proof = naive.subproof(from, source, true)
            expect(verifyConsistency({ from, to, fromRoot, toRoot, proof })).toBe(false)
          }
        },
      ),
    )
  })

  it('refuses sizes that go back and proofs of another length', () => {
    const leaves = ['a', 'b', 'c', 'd', 'e']
    const [fromRoot, toRoot] = [naive.root(leaves.slice(0, 3)), naive.root(leaves)]
    const proof = naive.subproof(3, leaves, true)
    expect(verifyConsistency({ from: 3, to: 5, fromRoot, toRoot, proof })).toBe(true)
    expect(verifyConsistency({ from: 5, to: 3, fromRoot: toRoot, toRoot: fromRoot, proof })).toBe(false)
    expect(verifyConsistency({ from: 3, to: 5, fromRoot, toRoot, proof: proof.slice(1) })).toBe(false)
    expect(verifyConsistency({ from: 3, to: 5, fromRoot, toRoot, proof: [...proof, toRoot] })).toBe(false)
    expect(verifyConsistency({ from: 4, to: 5, fromRoot, toRoot, proof: [] })).toBe(false)
    expect(() => consistencyRanges(6, 5)).toThrow(RangeError)
    expect(() => inclusionRanges(5, 5)).toThrow(RangeError)
  })
})
