import { HoldfastError } from '@holdfast/api/contract/errors'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkPassword } from './password-rules.ts'

const rules = { minLength: 10, notEqualTo: ['ada.lovelace', 'Ada Lovelace', 'Northgate Hospital', ''] }

function verdict(password: string, minLength = rules.minLength): string {
  try {
    checkPassword(password, { ...rules, minLength })
    return 'taken'
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'weak-password') throw error
    return error.message
  }
}

describe('checkPassword', () => {
  it.each([
    'correct horse battery staple',
    'kV9#mq2$Lx',
    'Ada likes northern hospitals',
    'mein Fahrrad ist blau',
    'пароль из четырёх слов',
    'administrative duty roster 7',
  ])('takes %s', (password) => {
    expect(verdict(password)).toBe('taken')
  })

  it.each([
    ['short', 'has 5 characters and needs 10'],
    ['🦄🦄🦄🦄🦄', 'has 5 characters and needs 10'],
    ['Ada.Lovelace', 'your name'],
    ['ada lovelace', 'your name'],
    ['AdaLovelace2026!', 'your name'],
    ['northgate-hospital', 'of the facility'],
    ['Password123!', 'tried first'],
    ['P@ssw0rd2026', 'tried first'],
    ['12345holdfast', 'tried first'],
    ['Administrator1', 'tried first'],
    ['aaaaaaaaaaaa', 'simple pattern'],
    ['abababababab', 'simple pattern'],
    ['1234567890', 'simple pattern'],
    ['0987654321', 'simple pattern'],
    ['qwertyuiopqwerty', 'simple pattern'],
    ['abcdefghijkl', 'simple pattern'],
    ['1q2w3e4r5t6y', 'simple pattern'],
  ])('refuses %s: %s', (password, why) => {
    expect(verdict(password)).toContain(why)
  })

  it('follows the length that the facility sets', () => {
    expect(verdict('kV9#mq2$Lx', 11)).toContain('needs 11')
    expect(verdict('kV9#mq2$', 8)).toBe('taken')
    expect(verdict('ab12'.repeat(100))).toContain('make it shorter')
  })

  it('answers for any text without another error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(verdict(text)).not.toBe('')
      }),
    )
  })
})
