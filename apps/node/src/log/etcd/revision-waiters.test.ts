import { expect, test } from 'vitest'
import { RevisionWaiters } from './revision-waiters.ts'

test('who waits is told when the revision is applied, and not before', async () => {
  const waiters = new RevisionWaiters()
  const told: number[] = []
  const all = [3, 5].map((revision) => waiters.wait(revision).then(() => told.push(revision)))
  waiters.applied(4)
  await all[0]
  expect(told).toEqual([3])
  waiters.applied(5)
  await all[1]
  expect(told).toEqual([3, 5])
})

test('regression: who waits for what is never applied is told so, at the end of the log or of the time', async () => {
  const waiters = new RevisionWaiters()
  await expect(waiters.wait(7, 1)).rejects.toThrow('Revision 7 was not applied within 1 ms')
  const waiting = waiters.wait(7)
  waiters.end('This node takes its state from another one.')
  await expect(waiting).rejects.toThrow('takes its state from another one')
  await expect(waiters.wait(7)).rejects.toThrow('takes its state from another one')
})
