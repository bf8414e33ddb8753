import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { createAuthority } from '../trust/ca.ts'
import { fingerprintsOf, urlsOf } from './nodes.ts'

test('addresses that hold on one link only are left out, and not every address is tried', () => {
  const peer = { port: 7443, addresses: ['10.0.0.2', 'fd00::2'], seenFrom: 'fe80::1%eth0' }
  expect(urlsOf(peer)).toEqual(['https://10.0.0.2:7443', 'https://[fd00::2]:7443'])
  expect(urlsOf({ ...peer, addresses: [], seenFrom: '10.0.0.9' })).toEqual(['https://10.0.0.9:7443'])
  const many = Array.from({ length: 9 }, (_, i) => `10.0.0.${i}`)
  expect(urlsOf({ ...peer, addresses: many })).toHaveLength(3)
})

test('fingerprints are those that nodes announce', async () => {
  const { certificate } = await createAuthority({ facility: 'Test', nowMs: Date.now() })
  const announced = new X509Certificate(certificate).fingerprint256.replaceAll(':', '').toLowerCase()
  expect(fingerprintsOf(`${certificate}\n${certificate}`)).toEqual(new Set([announced]))
  expect(fingerprintsOf('')).toEqual(new Set())
})
