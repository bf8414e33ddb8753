import { expect, test } from 'vitest'
import { differing, oddOneOut } from './divergence.ts'

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
