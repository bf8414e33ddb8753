import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditTree } from './audit-tree.ts'
import { readCheckpoint } from './checkpoint.ts'
import { consistencyRanges, inclusionRanges, verifyConsistency } from './merkle.ts'
import { checkProof, parseProof, proofFormat, proofVersion } from './proof.ts'
import { TestCluster } from './test-cluster.ts'

let cluster: TestCluster
let proofs: ReturnType<typeof parseProof>[]
let keys: string[]

beforeAll(async () => {
  cluster = await new TestCluster(2).start()
  for (let i = 0; i < 2; i++) {
    cluster.events(30)
    await cluster.settle()
  }
  const state = cluster.node(0).state()
  const { db } = cluster.node(0).machine
  const tree = new AuditTree(db)
  keys = state.nodes().flatMap(({ auditKey }) => auditKey ?? [])
  proofs = []
  const newest = state.newest()?.size ?? 0
  for (let seq = 1; seq <= newest; seq++) {
    const stored = state.covering(seq)
    const path = await tree.roots(inclusionRanges(seq - 1, stored?.size ?? 0))
    proofs.push({
      format: proofFormat,
      version: proofVersion,
      seq,
      event: db.prepare('SELECT event FROM audit_event WHERE seq = ?').pluck().get(seq) as string,
      path: path.map((each) => each.toString('base64')),
      checkpoint: stored?.note ?? '',
      keys,
    })
  }
})
afterAll(() => cluster[Symbol.asyncDispose]())

describe('a proof', () => {
  it('holds for every event, as it was written down', () => {
    expect(proofs.length).toBeGreaterThan(60)
    for (const proof of proofs) {
      const read = parseProof(JSON.stringify(proof, null, 2))
      expect(checkProof(read, keys)).toMatchObject({
        event: { seq: proof.seq },
        signedBy: [expect.stringMatching(/\/n_1$/), expect.stringMatching(/\/n_2$/)],
      })
    }
  })

  it('holds for no other event, number, path or checkpoint', () => {
    const any = fc.nat({ max: proofs.length - 1 }).map((at) => proofs[at] ?? fail())
    fc.assert(
      fc.property(any, any, fc.constantFrom('seq', 'event', 'path', 'checkpoint'), (proof, other, field) => {
        const mixed = { ...proof, [field]: other[field as 'seq'] }
        fc.pre(JSON.stringify(mixed) !== JSON.stringify(proof))
        expect(checkProof(mixed, keys)).toEqual(expect.any(String))
      }),
      { numRuns: 300 },
    )
  })

  it('holds with keys that are trusted only', () => {
    const [proof = fail()] = proofs
    expect(checkProof(proof, [])).toContain('none of the keys')
    expect(checkProof(proof, keys.slice(1))).toMatchObject({ signedBy: [expect.stringMatching(/\/n_2$/)] })
  })

  it('is refused in any other form', () => {
    const [proof = fail()] = proofs
    for (const bad of [
      '',
      '{}',
      'null',
      JSON.stringify({ ...proof, more: 1 }),
      JSON.stringify({ ...proof, path: ['x'] }),
    ])
      expect(() => parseProof(bad), bad).toThrow(SyntaxError)
    expect(checkProof({ ...proof, event: '{}' }, keys)).toContain('cannot be read')
    expect(checkProof({ ...proof, checkpoint: 'x' }, keys)).toContain('cannot be read')
  })
})

describe('the tree over the rows', () => {
  it('proves that each checkpoint continues each one before', async () => {
    const tree = new AuditTree(cluster.node(1).machine.db)
    const notes = cluster
      .node(1)
      .machine.db.prepare('SELECT note FROM checkpoint ORDER BY size')
      .pluck()
      .all() as string[]
    const all = notes.map(readCheckpoint)
    expect(all.length).toBeGreaterThan(2)
    for (const older of all)
      for (const newer of all.filter(({ size }) => size > older.size)) {
        const proof = await tree.roots(consistencyRanges(older.size, newer.size))
        const roots = { fromRoot: older.root, toRoot: newer.root }
        expect(verifyConsistency({ from: older.size, to: newer.size, ...roots, proof })).toBe(true)
      }
  })

  it('tells missing events instead of proving without them', async () => {
    const { db } = cluster.node(1).machine
    db.exec('SAVEPOINT hole; DELETE FROM audit_event WHERE seq = 7')
    try {
      const tree = new AuditTree(db)
      expect(tree.leaves(1, 100)).toHaveLength(6)
      await expect(tree.roots(inclusionRanges(0, 20))).rejects.toThrow(RangeError)
    } finally {
      db.exec('ROLLBACK TO hole; RELEASE hole')
    }
  })
})

function fail(): never {
  throw new Error('there is no proof')
}
