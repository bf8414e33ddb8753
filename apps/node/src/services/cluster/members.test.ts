import { expect, test } from 'vitest'
import { assertOwnPlace } from './members.ts'

test('a member is not moved to where another one is; ports of their own tell two on one machine apart', () => {
  const nodes = [
    { id: 'n_1', name: 'node1', address: '10.0.0.1', raftPort: 7446 },
    { id: 'n_2', name: 'node2', address: '10.0.0.2', raftPort: 7446 },
  ]
  const move = (raftPort: number, address: string) => () =>
    assertOwnPlace(nodes, { id: 'n_2', raftPort }, address)
  expect(move(7446, '10.0.0.1')).toThrow('The node node1 is at 10.0.0.1; nothing was changed.')
  expect(move(7446, '10.0.0.2')).not.toThrow()
  expect(move(7456, '10.0.0.1')).not.toThrow()
  expect(move(7446, '10.0.0.3')).not.toThrow()
})
