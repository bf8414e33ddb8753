import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normaliseCode, randomCode } from './crockford.ts'
import {
  hashRecoveryCode,
  newRecoveryCodes,
  normaliseRecoveryCode,
  recoveryCodeCount,
} from './recovery-codes.ts'

describe('recovery codes', () => {
  it('come ten at a time, different, with 80 bits in four groups', () => {
    const codes = newRecoveryCodes()
    expect(codes).toHaveLength(recoveryCodeCount)
    expect(new Set(codes.map(({ hash }) => hash)).size).toBe(recoveryCodeCount)
    for (const { code, hash } of codes) {
      expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/)
      expect(hash).toMatch(/^[0-9a-f]{64}$/)
      expect(hashRecoveryCode(code)).toBe(hash)
    }
  })

  it('use all 32 digits', () => {
    expect(new Set(randomCode(4000).replaceAll('-', '')).size).toBe(32)
  })

  it('are recognised however they are typed', () => {
    const style = fc.record({
      lower: fc.boolean(),
      separators: fc.array(fc.constantFrom('', ' ', '-', ' - ', '–'), { minLength: 16, maxLength: 16 }),
      o: fc.boolean(),
      one: fc.constantFrom('1', 'I', 'l', 'L'),
    })
    fc.assert(
      fc.property(style, ({ lower, separators, o, one }) => {
        const [made] = newRecoveryCodes(1)
        const digits = [...(made?.code ?? '').replaceAll('-', '')]
        const typed = digits
          .map((digit) => (digit === '0' && o ? 'O' : digit === '1' ? one : digit))
          .map((digit, index) => digit + separators[index])
          .join('')
        fc.pre(typed.length <= 64)
        expect(hashRecoveryCode(lower ? typed.toLowerCase() : typed)).toBe(made?.hash)
      }),
    )
  })

  it('are refused when they are too short, too long or not of the alphabet', () => {
    for (const text of [
      '',
      '0000-0000-0000-000',
      '0000-0000-0000-00000',
      'UUUU-UUUU-UUUU-UUUU',
      `${' '.repeat(99)}1`,
    ]) {
      expect(normaliseRecoveryCode(text)).toBeNull()
      expect(hashRecoveryCode(text)).toBeNull()
    }
  })

  it('never throw on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        const digits = normaliseCode(text, 16)
        if (digits !== null) expect(normaliseCode(digits, 16)).toBe(digits)
      }),
    )
  })
})
