import { expect, test } from 'vitest'
import { systemActor } from '../state/commands.ts'
import type { Log } from './log.ts'
import { Proposer } from './proposer.ts'

/** Keeps what is proposed, and settles it at once. */
function keepingLog(proposed: string[]): Log {
  return {
    index: 0,
    chain: '',
    propose: (command, settle) => {
      proposed.push(command)
      settle(null, null, 0)
    },
    admit: () => {},
    readIndex: async () => {},
    onCommit: () => {},
    holdCheckpoints: () => {},
    start: async () => {},
    stop: async () => {},
  }
}

test('a command waits until every member understands it', async () => {
  const proposed: string[] = []
  let common = '0.1.9'
  const proposer = new Proposer(keepingLog(proposed), { common: () => common, since: () => '0.2.0' })
  const propose = () => proposer.propose('cluster.created', systemActor, { generation: '1-a', node: 'n' })
  await expect(propose()).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('0.1.9'),
  })
  expect(proposed).toEqual([])
  common = '0.10.0'
  await propose()
  expect(proposed).toHaveLength(1)
})
