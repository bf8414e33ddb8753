import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { calculateJwkThumbprint, decodeProtectedHeader, importJWK, type JWK, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { deviceKeyOf, exportPrivateJwk, generateKeyPair, importPrivateJwk } from './device-key.ts'
import { createKeyFile, loadKeyFile } from './node-key-file.ts'

test('a proof verifies with the key in its header and says what it is for', async () => {
  const key = await deviceKeyOf(await generateKeyPair({ extractable: false }))
  const proof = await key.proof({
    htm: 'GET',
    htu: 'https://n:1/x',
    nonce: 'once',
    token: 'abc',
    atMs: 1_700_000_000_999,
  })
  const header = decodeProtectedHeader(proof)
  expect(header).toMatchObject({ typ: 'dpop+jwt', alg: 'ES256' })
  expect(Object.keys(header.jwk as JWK).sort()).toEqual(['crv', 'kty', 'x', 'y'])
  const { payload } = await jwtVerify(proof, await importJWK(header.jwk as JWK, 'ES256'))
  expect(payload).toMatchObject({
    htm: 'GET',
    htu: 'https://n:1/x',
    nonce: 'once',
    iat: 1_700_000_000,
    // RFC 9449, section 4.2; the SHA-256 of "abc" is a published test vector (FIPS 180-2, B.1).
    ath: Buffer.from('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 'hex').toString(
      'base64url',
    ),
  })
  expect(key.thumbprint).toBe(await calculateJwkThumbprint(header.jwk as JWK, 'sha256'))
  const other = await key.proof({ htm: 'GET', htu: 'https://n:1/x' })
  expect((await jwtVerify(other, await importJWK(header.jwk as JWK, 'ES256'))).payload.jti).not.toBe(
    payload.jti,
  )
})

test('a key survives export and import', async () => {
  const pair = await generateKeyPair({ extractable: true })
  const again = await deviceKeyOf(await importPrivateJwk(await exportPrivateJwk(pair)))
  expect(again.thumbprint).toBe((await deviceKeyOf(pair)).thumbprint)
  await expect(importPrivateJwk({ kty: 'EC', crv: 'P-256', x: 'a', y: 'b' })).rejects.toThrow(/private P-256/)
})

test('a key file is its owner’s alone, and a damaged one is named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-key-'))
  try {
    const path = join(folder, 'deep', 'device.key')
    expect(await loadKeyFile(path)).toBeNull()
    const key = await createKeyFile(path)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await loadKeyFile(path))?.thumbprint).toBe(key.thumbprint)
    await writeFile(path, '{"kty":"oct"}')
    await expect(loadKeyFile(path)).rejects.toThrow(path)
  } finally {
    await rm(folder, { recursive: true })
  }
})
