import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { withNumbers } from './numbers.ts'

describe('withNumbers', () => {
  it('changes nothing but BigInts', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(withNumbers(value)).toEqual(value)
      }),
    )
    const bytes = new Uint8Array([1, 2])
    expect(withNumbers([{ at: 5n, list: [7n], none: null, bytes }])).toEqual([
      { at: 5, list: [7], none: null, bytes },
    ])
  })

  it('refuses what a number cannot hold', () => {
    expect(withNumbers(BigInt(Number.MAX_SAFE_INTEGER))).toBe(Number.MAX_SAFE_INTEGER)
    expect(() => withNumbers(BigInt(Number.MAX_SAFE_INTEGER) + 1n)).toThrow(RangeError)
  })
})
