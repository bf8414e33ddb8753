import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashToken, isSessionToken, newSessionToken, secretsEqual } from './tokens.ts'

describe('session tokens', () => {
  it('are 256 random bits in base64url, stored as their SHA-256', () => {
    const made = Array.from({ length: 100 }, newSessionToken)
    expect(new Set(made.map(({ token }) => token)).size).toBe(100)
    for (const { token, hash } of made) {
      expect(isSessionToken(token)).toBe(true)
      expect(Buffer.from(token, 'base64url')).toHaveLength(32)
      expect(hashToken(token)).toBe(hash)
    }
    // FIPS 180-2, appendix B.1.
    expect(hashToken('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })

  it('are told from other text by their form', () => {
    const { token } = newSessionToken()
    for (const text of ['', token.slice(1), `${token}A`, `${token.slice(1)}=`, `${token.slice(1)}\n`]) {
      expect(isSessionToken(text)).toBe(false)
    }
  })
})

describe('secretsEqual', () => {
  it('agrees with equality, also for different lengths', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(secretsEqual(a, a)).toBe(true)
        expect(secretsEqual(a, b)).toBe(a === b)
        expect(secretsEqual(a, `${a}x`)).toBe(false)
      }),
    )
  })
})
