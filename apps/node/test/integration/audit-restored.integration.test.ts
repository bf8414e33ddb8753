/** Audit files that were taken away are written again, and nobody is left in the dark about it. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { eventually, startNode } from '../harness.ts'

test('regression: removed audit files are told as an event', async () => {
  await using node = await startNode()
  await node.newPerson()
  await node.stop()
  rmSync(join(node.dataDir, 'audit'), { recursive: true })
  await node.startAgain()
  const [found] = await eventually('the event', async () => {
    const { rows } = await node.owner.api.audit.search.query({ action: 'audit.restored' })
    return rows.length > 0 && rows
  })
  expect(found?.detail).toMatchObject({ fromSeq: 1 })
  expect((await node.owner.api.audit.verify.mutate()).ok).toBe(true)
})
