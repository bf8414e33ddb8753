import { createHash } from 'node:crypto'
import { deviceKeyOf, generateKeyPair } from '@holdfast/api/client/device-key'
import { HoldfastError } from '@holdfast/api/contract/errors'
import fc from 'fast-check'
import { calculateJwkThumbprint, exportJWK, type JWK, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { DpopVerifier, dpopLimits } from './dpop.ts'
import { TestClock } from './test-clock.ts'

const clock = new TestClock()
const target = { method: 'POST', path: '/trpc/devices.enrol' }
const htu = 'https://node1.local:7443/trpc/devices.enrol'
const token = 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU'

const pair = await generateKeyPair({ extractable: true })
const otherPair = await generateKeyPair({ extractable: true })
const publicJwk = await exportJWK(pair.publicKey)
const privateJwk = await exportJWK(pair.privateKey)
const otherPublicJwk = await exportJWK(otherPair.publicKey)

function goodClaims(): Record<string, unknown> {
  const jti = crypto.randomUUID()
  return { jti, htm: 'POST', htu, iat: Math.floor(clock.now() / 1000), nonce: 'n-1', ath: athOf(token) }
}

function athOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

interface Header {
  typ?: string
  jwk?: unknown
  [name: string]: unknown
}

function sign(claims: Record<string, unknown>, header: Header = {}, key = pair.privateKey): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: publicJwk, ...header } as { alg: string })
    .sign(key)
}

/** The code and text of the refusal, or the thumbprint. */
async function verdict(proof: string, expected = { ...target, nonce: 'n-1', token }): Promise<string> {
  try {
    return (await new DpopVerifier(clock).verify(proof, expected)).thumbprint
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    return `${error.code}: ${error.message}`
  }
}

const thumbprint = await calculateJwkThumbprint(publicJwk, 'sha256')

describe('DpopVerifier', () => {
  it('takes a proof and names its key', async () => {
    const proof = await new DpopVerifier(clock).verify(await sign(goodClaims()), {
      ...target,
      nonce: 'n-1',
      token,
    })
    const { kty, crv, x, y } = publicJwk
    expect(proof).toEqual({ thumbprint, publicJwk: { kty, crv, x, y } })
  })

  it('takes the proofs of the SDK', async () => {
    const key = await deviceKeyOf(await generateKeyPair({ extractable: false }))
    const verifier = new DpopVerifier(clock)
    const login = await key.proof({ htm: 'POST', htu, atMs: clock.now() })
    expect((await verifier.verify(login, target)).thumbprint).toBe(key.thumbprint)
    const frame = await key.proof({
      htm: 'GET',
      htu: 'wss://10.0.0.5/client/v1',
      nonce: 'abc',
      token,
      atMs: clock.now(),
    })
    const expected = { method: 'GET', path: '/client/v1', nonce: 'abc', token }
    expect((await verifier.verify(frame, expected)).publicJwk).toEqual(key.publicJwk)
  })

  it('takes the example of RFC 9449, section 4.1, at its time', async () => {
    const example = [
      'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19',
      'eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ',
      '2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg',
    ].join('.')
    const verifier = new DpopVerifier(new TestClock(1_562_262_616_000))
    const { thumbprint: found } = await verifier.verify(example, { method: 'POST', path: '/token' })
    expect(found).toBe('0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I')
  })

  it('compares the path only: a node has many names, and a query is not part of the target', async () => {
    for (const name of [
      'https://10.0.0.5',
      'https://[fe80::1]:7443',
      'wss://other.example',
      'http://localhost:80',
    ]) {
      expect(await verdict(await sign({ ...goodClaims(), htu: `${name}${target.path}?batch=1#x` }))).toBe(
        thumbprint,
      )
    }
  })

  const claimCases: [string, Record<string, unknown>, string][] = [
    ['no jti', { jti: undefined }, 'jti'],
    ['an empty jti', { jti: '' }, 'jti'],
    ['a long jti', { jti: 'x'.repeat(dpopLimits.jtiCharacters + 1) }, 'jti'],
    ['another method', { htm: 'GET' }, 'it is for GET, not for POST'],
    ['a method in lower case', { htm: 'post' }, 'it is for post'],
    ['no method', { htm: undefined }, 'htm'],
    ['another path', { htu: 'https://node1.local:7443/trpc/auth.login' }, 'it is for /trpc/auth.login'],
    ['a path with more', { htu: `${htu}/` }, 'not for /trpc/devices.enrol'],
    ['a target of another protocol', { htu: `ftp://node1.local${target.path}` }, 'htu'],
    ['a target that is no URL', { htu: target.path }, 'htu'],
    ['no target', { htu: undefined }, 'htu'],
    ['no time', { iat: undefined }, 'iat'],
    ['a time that is text', { iat: '1790000000' }, 'not a DPoP proof'],
    ['an old time', { iat: Math.floor(clock.now() / 1000) - 121 }, '121 seconds behind'],
    ['a coming time', { iat: Math.floor(clock.now() / 1000) + 121 }, '121 seconds ahead'],
    ['an end in the past', { exp: Math.floor(clock.now() / 1000) - 1 }, 'not a DPoP proof'],
    ['another nonce', { nonce: 'n-2' }, 'nonce'],
    ['no nonce', { nonce: undefined }, 'nonce'],
    ['the hash of another token', { ath: athOf(`${token}x`) }, 'another token'],
    ['no hash of a token', { ath: undefined }, 'another token'],
  ]
  it.each(claimCases)('refuses %s', async (_, change, why) => {
    const refusal = await verdict(await sign({ ...goodClaims(), ...change }))
    expect(refusal).toContain("proof-invalid: the proof of the device's key is refused: ")
    expect(refusal).toContain(why)
  })

  it('takes a clock that is off by up to two minutes', async () => {
    for (const seconds of [-120, 120]) {
      expect(await verdict(await sign({ ...goodClaims(), iat: clock.now() / 1000 + seconds }))).toBe(
        thumbprint,
      )
    }
  })

  const headerCases: [string, Header, string][] = [
    ['another type', { typ: 'JWT' }, 'typ'],
    ['no type', { typ: undefined }, 'typ'],
    ['no key', { jwk: undefined }, 'jwk'],
    ['a private key', { jwk: privateJwk }, 'holds a private key'],
    ['a key of another curve', { jwk: { ...publicJwk, crv: 'P-384' } }, 'crv'],
    ['a key of another kind', { jwk: { kty: 'oct', k: 'c2VjcmV0' } }, 'kty'],
    ['a point that is not on the curve', { jwk: { ...publicJwk, x: publicJwk.y } }, 'not a DPoP proof'],
    ['a coordinate of another length', { jwk: { ...publicJwk, x: publicJwk.x?.slice(1) } }, 'jwk.x'],
    ['the key of somebody else', { jwk: otherPublicJwk }, 'signature does not verify'],
  ]
  it.each(headerCases)('refuses %s', async (_, header, why) => {
    const refusal = await verdict(await sign(goodClaims(), header))
    expect(refusal).toContain('proof-invalid: ')
    expect(refusal).toContain(why)
  })

  it('refuses other algorithms, and none', async () => {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const unsigned = (alg: string) =>
      `${part({ typ: 'dpop+jwt', alg, jwk: publicJwk })}.${part(goodClaims())}.`
    expect(await verdict(unsigned('none'))).toContain('alg')
    // A MAC keyed with the public key, which everybody has.
    const key = new TextEncoder().encode(JSON.stringify(publicJwk))
    const mac = await new SignJWT(goodClaims())
      .setProtectedHeader({ typ: 'dpop+jwt', alg: 'HS256', jwk: publicJwk as JWK & { kty: 'EC' } })
      .sign(key)
    expect(await verdict(mac)).toContain('alg')
  })

  it('takes each proof once, and again from another key', async () => {
    const verifier = new DpopVerifier(clock)
    const claims = goodClaims()
    const proof = await sign(claims)
    await verifier.verify(proof, target)
    await expect(verifier.verify(proof, target)).rejects.toThrow('it was used before')
    const resigned = await sign(claims)
    await expect(verifier.verify(resigned, target)).rejects.toThrow('it was used before')
    const other = await sign(claims, { jwk: otherPublicJwk }, otherPair.privateKey)
    await verifier.verify(other, target)
  })

  it('remembers a proof for as long as its time is good', async () => {
    const moving = new TestClock()
    const verifier = new DpopVerifier(moving)
    const proof = await sign({ ...goodClaims(), iat: moving.now() / 1000 + 120 })
    await verifier.verify(proof, target)
    moving.advance(2 * dpopLimits.clockSkewMs)
    await expect(verifier.verify(proof, target)).rejects.toThrow('it was used before')
    moving.advance(1000)
    await expect(verifier.verify(proof, target)).rejects.toThrow('behind')
  })

  it('does not use up a proof that it refuses', async () => {
    const verifier = new DpopVerifier(clock)
    const proof = await sign(goodClaims())
    await expect(verifier.verify(proof, { ...target, method: 'GET' })).rejects.toThrow('not for GET')
    await verifier.verify(proof, target)
  })

  it('refuses a proof in which any one character was changed', async () => {
    const proof = await sign(goodClaims())
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.'
    const change = fc.tuple(fc.nat(proof.length - 1), fc.constantFrom(...digits))
    await fc.assert(
      fc.asyncProperty(change, async ([at, digit]) => {
        fc.pre(proof[at] !== digit && !isPaddingBit(proof, at, digit))
        const refusal = await verdict(proof.slice(0, at) + digit + proof.slice(at + 1))
        expect(refusal).toContain('proof-invalid')
      }),
      { numRuns: 300 },
    )
  })

  it('refuses any other text with the same code', async () => {
    const text = fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.array(fc.base64String({ maxLength: 60 }), { maxLength: 6 }).map((parts) => parts.join('.')),
      fc.json().map((json) => `${Buffer.from(json).toString('base64url')}.e30.AA`),
      fc.constant('x'.repeat(dpopLimits.proofCharacters + 1)),
    )
    await fc.assert(
      fc.asyncProperty(text, async (each) => {
        expect(await verdict(each)).toContain('proof-invalid')
      }),
      { numRuns: 500 },
    )
  })
})

/** Whether the change only touches bits of a last digit that base64url does not decode. */
function isPaddingBit(proof: string, at: number, digit: string): boolean {
  const changed = proof.slice(0, at) + digit + proof.slice(at + 1)
  const decode = (text: string) =>
    text.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'))
  return decode(changed).join('.') === decode(proof).join('.') && digit !== '.' && proof[at] !== '.'
}
