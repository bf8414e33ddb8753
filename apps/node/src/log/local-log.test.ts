import { writeFileSync } from 'node:fs'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { limits } from '@holdfast/api/contract/limits'
import { expect, test } from 'vitest'
import { systemClock } from '../platform/clock.ts'
import { createLogger } from '../platform/logger.ts'
import { LocalLog } from './local-log.ts'
import { TestLog } from './log-fixture.ts'

test('commands are settled in their order, and what gathers meanwhile is one batch', async () => {
  await using test = await TestLog.start()
  await test.populate()
  const before = test.log.index
  const settled: string[] = []
  const seqs = await Promise.all(
    Array.from({ length: 500 }, (_, i) =>
      test.send(1, 1, `m${i}`).then((seq) => {
        settled.push(`m${i}`)
        return seq
      }),
    ),
  )
  expect(seqs).toEqual(Array.from({ length: 500 }, (_, i) => i + 1))
  expect(settled).toEqual(Array.from({ length: 500 }, (_, i) => `m${i}`))
  // The first goes alone; all others came while it was being stored.
  expect(test.log.index - before).toBe(2)
})

test('a batch is bounded, and commits are told in order', async () => {
  await using test = await TestLog.start()
  await test.populate()
  const count = limits.batchCommands * 2 + 10
  await Promise.all(Array.from({ length: count }, (_, i) => test.send(1, 1, `m${i}`)))
  expect(Math.max(...test.commits.map((commit) => commit.commands))).toBe(limits.batchCommands)
  const indexes = test.commits.map((commit) => commit.index)
  expect(indexes).toEqual(Array.from({ length: indexes.length }, (_, i) => i + 1))
})

test('a refusal goes to its proposer alone', async () => {
  await using test = await TestLog.start()
  await test.populate()
  const [one, two, three] = await Promise.allSettled([
    test.send(1, 1, 'a'),
    test.send(9, 1, 'b'),
    test.send(1, 1, 'c'),
  ])
  expect([one, three].map((each) => each?.status)).toEqual(['fulfilled', 'fulfilled'])
  expect(two).toMatchObject({ status: 'rejected', reason: { code: 'not-member' } })
  expect(test.failures).toEqual([])
})

test('a full queue says busy, and a stopped log says so; what was accepted is stored', async () => {
  const test = await TestLog.start()
  await test.populate()
  const accepted: Promise<unknown>[] = []
  const refusal = (() => {
    for (let i = 0; ; i++) {
      try {
        test.log.propose(JSON.stringify([0, 1, 1, `m${i}`, 'x', 0, null]), () => {})
        accepted.push(Promise.resolve())
      } catch (error) {
        return error
      }
    }
  })()
  expect(refusal).toMatchObject({ code: 'busy' })
  expect(accepted.length).toBeGreaterThanOrEqual(limits.logQueue)
  const last = test.log
  const stopping = last.stop()
  expect(() => last.propose('[]', () => {})).toThrow(expect.objectContaining({ code: 'shutting-down' }))
  await stopping
  expect(test.db.prepare('SELECT count(*) FROM message').pluck().get()).toBe(accepted.length)
  await test[Symbol.asyncDispose]()
})

test('regression: a log whose writer could not start says why and can be stopped', async () => {
  await using test = await TestLog.start()
  await test.log.stop()
  writeFileSync(test.databaseFile, 'no database any more')
  const log = new LocalLog({
    databaseFile: test.databaseFile,
    nodeId: 'n1',
    clock: systemClock,
    logger: createLogger({ level: 'silent' }),
    onFailure: () => {},
  })
  await expect(log.start()).rejects.toThrow(
    /cluster\.db cannot be read \(.*\): restore cluster\.db from a backup/,
  )
  await log.stop()
  expect(() => log.propose('[]', () => {})).toThrow(HoldfastError)
})
