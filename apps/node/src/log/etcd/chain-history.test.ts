import { expect, test } from 'vitest'
import { ChainHistory } from './chain-history.ts'

function history(length: number): ChainHistory {
  const chains = new ChainHistory()
  for (let index = 1; index <= length; index++) chains.extend(index, `chain ${index}`)
  return chains
}

test('a node agrees where its chain is the same, and differs from where it is not', () => {
  const chains = history(20)
  expect(chains.agreement('n_2')).toBeNull()
  chains.hear('n_2', 20, [[16, 'chain 16']])
  expect(chains.agreement('n_2')).toBe(true)
  chains.hear('n_2', 20, [
    [16, 'chain 16'],
    [19, 'another'],
  ])
  expect(chains.agreement('n_2')).toBe(false)
  expect(chains.disagreements().get('n_2')).toEqual([[19, 'another']])
})

test('a node that was restored where it differed agrees at once, without a new entry', () => {
  const chains = history(23)
  const differing: [number, string][] = [
    [16, 'chain 16'],
    [23, 'another'],
  ]
  chains.hear('n_2', 23, differing)
  chains.hear('n_2', 23, differing)
  expect(chains.agreement('n_2')).toBe(false)
  chains.hear('n_2', 23, [
    [16, 'chain 16'],
    [23, 'chain 23'],
  ])
  expect(chains.agreement('n_2')).toBe(true)
  expect(chains.disagreements().size).toBe(0)
})

test('what a node says of places that this one has not reached is compared when it gets there', () => {
  const chains = history(16)
  chains.hear('n_2', 16, [[17, 'chain 17']])
  chains.hear('n_3', 16, [[17, 'another']])
  expect(chains.agreement('n_2')).toBeNull()
  chains.extend(17, 'chain 17')
  expect(chains.agreement('n_2')).toBe(true)
  expect(chains.agreement('n_3')).toBe(false)
})
