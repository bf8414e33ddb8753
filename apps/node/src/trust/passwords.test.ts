import { HoldfastError } from '@holdfast/api/contract/errors'
import { hash } from '@node-rs/argon2'
import { describe, expect, it } from 'vitest'
import { Passwords, passwordLimits } from './passwords.ts'

describe('Passwords', () => {
  it('hashes with argon2id at the parameters of OWASP and verifies', async () => {
    const passwords = new Passwords()
    const stored = await passwords.hash('four random words here')
    expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(await passwords.hash('four random words here')).not.toBe(stored)
    expect(await passwords.verify(stored, 'four random words here')).toBe(true)
    expect(await passwords.verify(stored, 'four random words Here')).toBe(false)
    expect(await passwords.verify(stored, '')).toBe(false)
    expect(passwords.needsRehash(stored)).toBe(false)
  })

  it('takes the same text in composed and decomposed form for the same password', async () => {
    const passwords = new Passwords()
    const stored = await passwords.hash('Zo\u00eb mag K\u00e4se')
    expect(await passwords.verify(stored, 'Zoe\u0308 mag Ka\u0308se')).toBe(true)
  })

  it('answers false for a person without a hash, after the work of a real one', async () => {
    const passwords = new Passwords()
    expect(await passwords.verify(null, 'anything')).toBe(false)
    expect(await passwords.verify(null, '')).toBe(false)
  })

  it('wants a new hash for weaker or other parameters', async () => {
    const passwords = new Passwords()
    const weak = await hash('x', { memoryCost: 8 * 1024, timeCost: 2, parallelism: 1 })
    const otherKind = await hash('x', { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1, algorithm: 1 })
    expect([weak, otherKind].map((stored) => passwords.needsRehash(stored))).toEqual([true, true])
    expect(await passwords.verify(weak, 'x')).toBe(true)
  })

  it('refuses with busy beyond its bounds, and works on afterwards', async () => {
    const passwords = new Passwords()
    const bound = passwordLimits.parallelHashes + passwordLimits.waitingHashes
    const results = await Promise.allSettled(
      Array.from({ length: bound + 3 }, () => passwords.verify(null, 'x')),
    )
    const refused = results.filter((result) => result.status === 'rejected')
    expect(refused).toHaveLength(3)
    for (const { reason } of refused) {
      expect(reason).toBeInstanceOf(HoldfastError)
      expect(reason.code).toBe('busy')
    }
    expect(await Promise.all([1, 2, 3, 4].map(() => passwords.verify(null, 'x')))).toEqual([
      false,
      false,
      false,
      false,
    ])
  })

  it('gives its turn to the next when a hash fails', async () => {
    const passwords = new Passwords()
    const broken = Array.from({ length: 4 }, () => passwords.verify('not a hash', 'x'))
    for (const result of await Promise.allSettled(broken)) expect(result.status).toBe('rejected')
    expect(await passwords.verify(null, 'x')).toBe(false)
  })
})
