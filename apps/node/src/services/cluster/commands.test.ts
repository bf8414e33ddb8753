import { expect, test } from 'vitest'
import { commandTypes } from '../../state/commands.ts'
import { idOf, owner, TestMachine } from '../../state/machine-fixture.ts'

const hash = 'ab'.repeat(32)
const node = {
  id: 'n_2',
  name: 'node2',
  address: '10.0.0.2',
  httpsPort: 7443,
  peerPort: 7444,
  raftPort: 7446,
  version: '0.1.0',
  invitation: hash,
}
const lifeMs = 60_000

/** A facility that has invited one node. */
function invited(): TestMachine {
  const machine = new TestMachine().setUp()
  machine.control('invitation.create', { id: idOf('iv', 1), hash, lifeMs })
  return machine
}

const events = (machine: TestMachine) =>
  machine.db.prepare("SELECT count(*) FROM audit_event WHERE action = 'cluster.node-added'").pluck().get()

test('an invitation lets in one node, which may ask again until it has come', () => {
  using machine = invited()
  expect(machine.control('node.add', node)).not.toHaveProperty('refused')
  expect(machine.control('node.add', node)).not.toHaveProperty('refused')
  expect(events(machine)).toBe(1)
  const refusal = (change: Partial<typeof node>) => machine.control('node.add', { ...node, ...change })
  expect(refusal({ id: 'n_3', name: 'node3' })).toMatchObject({ refused: ['wrong-code', expect.anything()] })
  expect(refusal({ address: '10.0.0.3' })).toMatchObject({
    refused: ['conflict', expect.stringContaining('holdfast cluster remove node2')],
  })
  machine.control('node.update', { id: 'n_2', fingerprint: 'aa', certificate: 'pem' })
  expect(refusal({})).toMatchObject({ refused: ['wrong-code', expect.stringContaining('used already')] })
})

test('who asks again is refused when the invitation is too old, or when the node was taken out', () => {
  using old = invited()
  old.control('node.add', node)
  const [late] = old.apply([[commandTypes.control, 'node.add', owner, node]], 1001 + lifeMs + 1).outcomes
  expect(late).toMatchObject({ refused: ['wrong-code', expect.stringContaining('too old')] })
  using machine = invited()
  machine.control('node.add', node)
  expect(machine.control('node.remove', { id: 'n_2', reason: 'x' })).not.toHaveProperty('refused')
  expect(machine.control('node.add', node)).toMatchObject({ refused: ['wrong-code', expect.anything()] })
})
