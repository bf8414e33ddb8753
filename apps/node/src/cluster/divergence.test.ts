import { expect, test } from 'vitest'
import { ChainHistory } from '../log/etcd/chain-history.ts'
import { differing, oddOneOut, stances } from './divergence.ts'

test('two equal states of three decide against the third; one against one is for a person', () => {
  const disagreements = new Map([
    ['n_2', [[16, 'aa'] as [number, string]]],
    ['n_3', [[16, 'aa'] as [number, string]]],
  ])
  expect(oddOneOut(disagreements, 3)).toEqual([16, 'aa'])
  disagreements.delete('n_3')
  expect(oddOneOut(disagreements, 3)).toBeNull()
  expect(oddOneOut(disagreements, 2)).toBeNull()
  disagreements.set('n_3', [[16, 'bb']])
  expect(oddOneOut(disagreements, 3)).toBeNull()
})

test('an operator is told what to do only where nothing is done by itself', () => {
  expect(differing(['two'], 2, 3)).toMatch(/^The state of two differs .* restored itself\.$/)
  for (const text of [differing(['two'], 1, 2), differing(['two'], 1, 3)])
    expect(text).toMatch(/all go on serving.*audit verify.*cluster remove/)
})

test('who agreed before the difference is not counted as alike until it has told its state there', () => {
  const chains = new ChainHistory()
  for (let index = 1; index <= 96; index += 1) chains.extend(index, `own ${index}`)
  const others = ['n_1', 'n_2', 'n_5'].map((nodeId) => ({ nodeId, alive: true }))
  for (const { nodeId } of others) chains.hear(nodeId, 96, [[95, 'own 95']])
  chains.hear('n_5', 96, [[96, 'another']])
  expect(stances(chains, others)).toEqual({ alike: 1, open: 2 })
  chains.hear('n_1', 96, [[96, 'own 96']])
  expect(stances(chains, others)).toEqual({ alike: 2, open: 1 })
  // Whoever is away is not waited for.
  expect(stances(chains, [...others.slice(0, 1), { nodeId: 'n_2', alive: false }])).toEqual({
    alike: 2,
    open: 0,
  })
})
