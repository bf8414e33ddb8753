import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { passwordStrength } from './password-strength.ts'

const rules = { minLength: 10, context: ['north-harbour', 'warden'] }

describe('passwordStrength', () => {
  test.each([
    ['', 'empty'],
    ['short', 'too short'],
    ['aaaaaaaaaaaaaaaa', 'weak'],
    ['warden-warden-warden', 'weak'],
    ['1234567890', 'weak'],
    ['violet canyon ladder mosaic', 'very strong'],
  ])('calls %j %s', (password, word) => {
    expect(passwordStrength(password, rules).word).toBe(word)
  })

  test('says how many characters are missing', () => {
    expect(passwordStrength('123456789', rules).advice).toBe('1 more character needed.')
    expect(passwordStrength('1234567', rules).advice).toBe('3 more characters needed.')
  })

  test('never calls a password acceptable that is shorter than the rule, whatever it is made of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 9 }), (password) => {
        fc.pre([...password].length < rules.minLength)
        expect(passwordStrength(password, rules).score).toBe(1)
      }),
    )
  })
})
