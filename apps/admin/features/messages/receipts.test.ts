import { expect, test } from 'vitest'
import { receipts, receiptText } from './receipts.ts'

const mark = (person: string, delivered: number, read: number) => ({ person, name: person, delivered, read })

test('splits the audience, without the sender, by how far each has come', () => {
  const split = receipts([mark('me', 9, 9), mark('a', 5, 5), mark('b', 5, 4), mark('c', 4, 4)], 5, 'me')
  expect(split.read.map((m) => m.person)).toEqual(['a'])
  expect(split.delivered.map((m) => m.person)).toEqual(['b'])
  expect(split.waiting.map((m) => m.person)).toEqual(['c'])
  expect(receiptText(split)).toBe('Read by 1 of 3')
})

test('says it in one line', () => {
  expect(receiptText(receipts([mark('me', 1, 1)], 1, 'me'))).toBe('Stored')
  expect(receiptText(receipts([mark('a', 0, 0)], 1, 'me'))).toBe('Sent')
  expect(receiptText(receipts([mark('a', 1, 0)], 1, 'me'))).toBe('Delivered')
  expect(receiptText(receipts([mark('a', 1, 1)], 1, 'me'))).toBe('Read')
  expect(receiptText(receipts([mark('a', 1, 1), mark('b', 2, 2)], 1, 'me'))).toBe('Read by all 2')
  expect(receiptText(receipts([mark('a', 1, 0), mark('b', 0, 0)], 1, 'me'))).toBe('Delivered to 1 of 2')
})
