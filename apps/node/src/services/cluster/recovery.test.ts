import { expect, test } from 'vitest'
import { whyNotHere } from './recovery.ts'

const other = (name: string, reachable: boolean, index = 7) => ({ name, reachable, index })

test('one goes on alone when the majority is lost', () => {
  expect(whyNotHere(7, [other('b', false)])).toBeNull()
  expect(whyNotHere(7, [other('b', false, 9), other('c', false)])).toBeNull()
  expect(
    whyNotHere(7, [other('b', true), other('c', false), other('d', false), other('e', false)]),
  ).toBeNull()
})

test('not while another one is further ahead', () => {
  expect(whyNotHere(7, [other('b', true, 8), other('c', false), other('d', false)])).toContain(
    'recover there',
  )
})

test('not while a majority can be reached: it may be just electing', () => {
  expect(whyNotHere(7, [other('b', true)])).toContain('which is a majority')
  expect(whyNotHere(7, [other('b', true), other('c', false)])).toMatch(/^2 of 3 nodes.*If b cannot take part/)
  expect(whyNotHere(7, [other('b', true), other('c', true), other('d', false), other('e', false)])).toContain(
    '3 of 5',
  )
})
