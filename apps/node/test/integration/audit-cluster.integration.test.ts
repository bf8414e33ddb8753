/** The nodes of a cluster vouch for each other's audit log; one that rewrites its own is found out. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { openDatabase } from '@holdfast/db'
import { expect, test } from 'vitest'
import { rewriteHistory } from '../../src/services/audit/test-cluster.ts'
import { startCluster } from '../cluster-harness.ts'
import { eventually, type TestNode } from '../harness.ts'

const minutes = (n: number) => n * 60_000

test(
  'every node signs what it computed itself, and a history rewritten on one node is told by all',
  async () => {
    await using cluster = await startCluster(2)
    await cluster.join('node3')
    await cluster.settled()
    const [first, second, third] = cluster.nodes as [TestNode, TestNode, TestNode]
    const status = (node: TestNode) => cluster.api(node).audit.checkpoint.query({})

    await cluster.api(third).audit.takeCheckpoint.mutate()
    const signed = await eventually('all three have signed', async () => {
      const { newest } = await status(first)
      return newest?.signatures.length === 3 && newest
    })
    expect(signed.signatures.filter(({ isMaker }) => isMaker)).toHaveLength(1)
    for (const node of cluster.nodes)
      expect(await cluster.api(node).audit.verifyAgainst.mutate({ checkpoint: signed.note })).toMatchObject({
        ok: true,
        against: {
          size: signed.size,
          signedBy: expect.arrayContaining(signed.signatures.map(({ name }) => name)),
        },
      })

    await second.stop()
    const db = openDatabase(join(second.dataDir, 'cluster.db'), { role: 'writer' })
    // The head that the state machine goes on from stays, or the node would be found out by its state chain at once.
    const head = db.prepare('SELECT auditSeq, auditHash FROM applied').get() as object
    rewriteHistory(db, 2, (event) => ({ ...event, remote: '10.6.6.6' }))
    db.prepare('UPDATE applied SET auditSeq = @auditSeq, auditHash = @auditHash').run(head)
    db.close()
    rmSync(join(second.dataDir, 'audit'), { recursive: true })
    await second.startAgain()

    const { nodeId } = await cluster.view(second)
    for (const node of cluster.nodes)
      await eventually('the alert', async () => {
        const { alerts } = await cluster.api(node).overview.status.query()
        return alerts.some(({ code }) => code === 'audit-disputed')
      })
    const { disputes } = await status(first)
    expect(disputes).toMatchObject([{ node: nodeId, name: 'node2' }])
    const verdict = await cluster.api(second).audit.verifyAgainst.mutate({ checkpoint: signed.note })
    expect(verdict.ok).toBe(false)
    expect(verdict.faults.join('\n')).toContain('are not those that were signed')
    expect((await cluster.api(first).audit.verify.mutate()).ok).toBe(true)

    // It signs no more, and the others go on without it.
    const { newest } = await cluster.api(first).audit.takeCheckpoint.mutate()
    await eventually('the other has signed', async () => {
      const now = (await status(third)).newest
      return now !== null && now.size >= (newest?.size ?? 0) && now.signatures.length === 2
    })
    expect((await status(third)).newest?.signatures.map(({ node }) => node)).not.toContain(nodeId)
  },
  minutes(4),
)
