import { idSchema } from '@holdfast/api/contract/names'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { IdMaker, newId, randomToken } from './random.ts'

test('ids match the contract and differ', () => {
  const made = Array.from({ length: 20_000 }, () => newId('msg'))
  for (const id of made) expect(idSchema.safeParse(id).success).toBe(true)
  expect(new Set(made).size).toBe(made.length)
})

test('ids sort by creation, whatever the clock does', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_020 })), (times) => {
      const maker = new IdMaker()
      const made = times.map((at) => maker.next('p', at))
      expect(made.toSorted()).toEqual(made)
      expect(new Set(made).size).toBe(made.length)
    }),
  )
})

test('a token has as many random bytes as asked', () => {
  expect(Buffer.from(randomToken(24), 'base64url')).toHaveLength(24)
  expect(randomToken()).not.toBe(randomToken())
})
