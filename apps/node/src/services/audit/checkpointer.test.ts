import { HoldfastError } from '@holdfast/api/contract/errors'
import { expect, test, vi } from 'vitest'
import { readCheckpoint, signaturesOf } from './checkpoint.ts'
import { checkpointLimits } from './checkpointer.ts'
import { rewriteHistory, TestCluster } from './test-cluster.ts'
import { testSigner } from './test-signer.ts'

/** Node ids that signed the newest checkpoint, the maker first. */
function signers(cluster: TestCluster, i = 0): string[] {
  const checkpoint = readCheckpoint(cluster.node(i).state().newest()?.note ?? '')
  const keys = cluster.node(i).state().nodes()
  const signatures = signaturesOf(
    checkpoint,
    keys.flatMap(({ auditKey }) => auditKey ?? []),
  )
  const nodeOf = (key: string) => keys.find(({ auditKey }) => auditKey === key)?.id ?? ''
  return (signatures ?? [])
    .toSorted((a, b) => Number(b.isLog) - Number(a.isLog))
    .map(({ key }) => nodeOf(key))
}

const newestSize = (cluster: TestCluster) => cluster.node(0).state().newest()?.size ?? 0

test('a single node signs its own checkpoints', async () => {
  await using cluster = await new TestCluster(1).start()
  expect(newestSize(cluster)).toBe(cluster.node(0).state().head())
  expect(signers(cluster)).toEqual(['n_1'])
  expect(cluster.node(0).alertCodes()).toEqual([])
})

test('every other node confirms what the leader signs', async () => {
  await using cluster = await new TestCluster(3).start()
  expect(signers(cluster)).toEqual(['n_1', 'n_2', 'n_3'])
  cluster.leader = 2
  cluster.events(50)
  await cluster.settle()
  expect(newestSize(cluster)).toBe(cluster.node(0).state().head())
  expect(signers(cluster, 1)).toEqual(['n_3', 'n_1', 'n_2'])
  for (const node of cluster.nodes)
    expect(node.state().newest()?.note).toBe(cluster.node(0).state().newest()?.note)
})

test('a checkpoint is made after so many events or so much time, and only when there is news', async () => {
  await using cluster = await new TestCluster(2).start()
  const first = newestSize(cluster)
  cluster.events(5)
  await cluster.settle()
  expect(newestSize(cluster)).toBe(first)
  cluster.clock.advance(checkpointLimits.newsMs)
  await vi.waitUntil(() => newestSize(cluster) === first + 5)
  await cluster.settle()
  cluster.clock.advance(10 * checkpointLimits.newsMs)
  await new Promise((resolve) => setTimeout(resolve, 50))
  await cluster.settle()
  expect(newestSize(cluster)).toBe(first + 5)
  cluster.events(20)
  await cluster.settle()
  expect(newestSize(cluster)).toBe(first + 25)
})

test('one is made on demand, by whichever node, and not twice', async () => {
  await using cluster = await new TestCluster(2).start()
  cluster.events(3)
  const head = cluster.node(0).state().head()
  const made = await Promise.all([cluster.node(1).checkpointer.take(), cluster.node(0).checkpointer.take()])
  expect(made.map(({ size }) => size)).toEqual([head, head])
  await cluster.settle()
  expect(signers(cluster)).toHaveLength(2)
})

test('a node that starts late confirms the newest, with more events than it keeps in memory', async () => {
  await using cluster = new TestCluster(3)
  for (const node of cluster.nodes.slice(0, 2)) node.start()
  await cluster.settle()
  for (let i = 0; i < 7; i++) cluster.events(37)
  await cluster.settle()
  expect(signers(cluster)).toEqual(['n_1', 'n_2'])
  cluster.node(2).start()
  await cluster.settle()
  await cluster.node(0).checkpointer.take()
  await cluster.settle()
  expect(signers(cluster)).toEqual(['n_1', 'n_2', 'n_3'])
})

test('what the log could not take is proposed again', async () => {
  await using cluster = new TestCluster(2)
  for (const node of cluster.nodes) node.failure = new HoldfastError('no-quorum', 'No quorum.')
  await cluster.start()
  expect(newestSize(cluster)).toBe(0)
  for (const node of cluster.nodes) node.failure = null
  await vi.waitUntil(() => newestSize(cluster) > 0 && signers(cluster).length === 2)
})

test('regression: a word on a checkpoint that the log could not take is said when it can', async () => {
  await using cluster = await new TestCluster(2).start()
  cluster.events(3)
  const away = new HoldfastError('no-quorum', 'No quorum.')
  cluster.node(1).failure = away
  await cluster.node(0).checkpointer.take()
  await cluster.settle()
  expect(signers(cluster)).toEqual(['n_1'])
  cluster.node(1).failure = null
  await vi.waitUntil(() => signers(cluster).length === 2)
  cluster.node(1).failure = away
  await cluster.node(1).restart((db) => rewriteHistory(db, 1, (event) => ({ ...event, remote: '10.6.6.6' })))
  cluster.node(1).failure = null
  await vi.waitUntil(() => cluster.node(0).state().disputes().length > 0)
  const first = cluster.node(0).machine.db.prepare('SELECT min(size) FROM checkpoint').pluck().get()
  expect(cluster.node(0).state().disputes()).toMatchObject([{ node: 'n_2', size: first }])
})

test('a history rewritten on a follower is disputed by it when it starts, named everywhere, and signed by it no more', async () => {
  await using cluster = await new TestCluster(3).start()
  cluster.events(30)
  await cluster.settle()
  const sizes = cluster
    .node(1)
    .machine.db.prepare('SELECT size FROM checkpoint ORDER BY size')
    .pluck()
    .all() as number[]
  const seq = (sizes[0] ?? 0) + 1
  await cluster
    .node(1)
    .restart((db) => rewriteHistory(db, seq, (event) => ({ ...event, actorName: 'nobody' })))
  const disagreeing = sizes.find((size) => size >= seq)
  expect(cluster.node(0).state().disputes()).toMatchObject([{ node: 'n_2', size: disagreeing }])
  for (const node of cluster.nodes) {
    const alert = node.alerts.list().find(({ code }) => code === 'audit-disputed')
    expect(alert?.message).toContain(`node2 (at ${disagreeing} events)`)
  }
  expect(cluster.node(1).alertCodes()).toContain('audit-rewritten')
  expect(cluster.node(0).alertCodes()).not.toContain('audit-rewritten')
  cluster.events(30)
  await cluster.settle()
  expect(signers(cluster)).toEqual(['n_1', 'n_3'])
  await expect(cluster.node(1).checkpointer.take()).rejects.toThrow(/signs no/)
})

test('a history rewritten on the leader is not confirmed by the others', async () => {
  await using cluster = await new TestCluster(3).start()
  // Also the checkpoints that would give it away are gone.
  await cluster.node(0).restart((db) => {
    rewriteHistory(db, 1, (event) => ({ ...event, remote: '10.6.6.6' }))
    db.exec('DELETE FROM checkpoint')
  })
  cluster.events(40)
  await cluster.settle()
  const disputes = cluster.node(1).state().disputes()
  expect(disputes.map(({ node }) => node).toSorted()).toEqual(['n_2', 'n_3'])
  expect(cluster.node(2).alertCodes()).toContain('audit-disputed')
})

test('a node whose data were restored confirms again, and the dispute ends', async () => {
  await using cluster = await new TestCluster(2).start()
  cluster.events(10)
  const copy = cluster.node(1).machine.db.prepare('SELECT * FROM audit_event ORDER BY seq').all() as object[]
  const applied = cluster
    .node(1)
    .machine.db.prepare('SELECT auditSeq, auditHash FROM applied')
    .get() as object
  await cluster.node(0).checkpointer.take()
  await cluster.settle()
  await cluster.node(1).restart((db) => rewriteHistory(db, 2, (event) => ({ ...event, remote: '10.6.6.6' })))
  expect(cluster.node(0).alertCodes()).toEqual(['audit-disputed'])
  await cluster.node(1).restart((db) => {
    const later = db
      .prepare('SELECT event FROM audit_event WHERE seq > ? ORDER BY seq')
      .pluck()
      .all(copy.length)
    db.prepare('DELETE FROM audit_event').run()
    const insert = db.prepare(
      'INSERT INTO audit_event (seq, at, actor, action, target, event, hash) VALUES (@seq, @at, @actor, @action, @target, @event, @hash)',
    )
    for (const row of copy) insert.run(row)
    db.prepare('UPDATE applied SET auditSeq = @auditSeq, auditHash = @auditHash').run(applied)
    // The events after the copy are the same on both nodes but for the chain's hash.
    for (const event of later as string[]) {
      const { seq, at, actor, action, target } = JSON.parse(event)
      insert.run({ seq, at, actor, action, target, event, hash: Buffer.alloc(32) })
    }
    db.prepare('UPDATE applied SET auditSeq = auditSeq + ?').run(later.length)
  })
  cluster.events(1)
  await cluster.node(0).checkpointer.take()
  await cluster.settle()
  expect(cluster.node(0).state().disputes()).toEqual([])
  expect(cluster.node(0).alertCodes()).toEqual([])
  expect(signers(cluster)).toEqual(['n_1', 'n_2'])
})

test('a stored checkpoint that was changed is noticed by the node itself', async () => {
  await using cluster = await new TestCluster(2).start()
  await cluster.node(1).restart((db) => db.exec("UPDATE checkpoint SET note = replace(note, 'a', 'b')"))
  expect(cluster.node(1).alertCodes()).toEqual(['audit-rewritten'])
})

test('a key that was lost is made and published anew; one that somebody else replaced is told', async () => {
  await using cluster = await new TestCluster(2).start()
  const key = () =>
    cluster
      .node(0)
      .state()
      .nodes()
      .find(({ id }) => id === 'n_2')?.auditKey
  const first = key()
  cluster.node(1).signer = testSigner()
  await cluster.node(1).restart()
  expect(key()).not.toBe(first)
  cluster.apply([[4, 'audit.key', { id: 'system', name: 'system', remote: '' }, { node: 'n_2', key: first }]])
  await cluster.settle()
  expect(cluster.node(1).alertCodes()).toEqual(['audit-key'])
})
