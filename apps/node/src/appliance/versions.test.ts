import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareVersions, isVersion } from './versions.ts'

const ordered = [
  '0.1.0-alpha',
  '0.1.0-alpha.1',
  '0.1.0-rc.2',
  '0.1.0-rc.10',
  '0.1.0',
  '0.1.1',
  '0.2.0',
  '0.10.0',
  '1.0.0',
]

test('versions stand in the order of releases', () => {
  const shuffled = fc.sample(fc.shuffledSubarray(ordered, { minLength: ordered.length }), 20)
  for (const each of shuffled) expect([...each].sort(compareVersions)).toEqual(ordered)
})

test('comparing is antisymmetric, and zero only for the same', () => {
  const version = fc
    .tuple(
      fc.nat(99),
      fc.nat(99),
      fc.nat(99),
      fc.option(fc.stringMatching(/^(0|[1-9]\d{0,3}|[a-z]{1,5})(\.(0|[1-9]\d{0,3}|[a-z]{1,5}))?$/)),
    )
    .map(([a, b, c, pre]) => `${a}.${b}.${c}${pre === null ? '' : `-${pre}`}`)
  fc.assert(
    fc.property(version, version, (a, b) => {
      expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) + 0)
      expect(compareVersions(a, b) === 0).toBe(a === b)
    }),
  )
})

test.each(['', '1', '1.2', 'v1.2.3', '1.2.3.4', '1.2.3 ', '1.2.3-', '99999999999.0.0'])(
  '%j is no version',
  (text) => {
    expect(isVersion(text)).toBe(false)
    expect(() => compareVersions(text, '1.0.0')).toThrow(RangeError)
  },
)
