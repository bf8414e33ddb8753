import type { NetworkInterfaceInfo } from 'node:os'
import { expect, test } from 'vitest'
import { lanAddresses, ownAddress } from './addresses.ts'

const at = (address: string, internal = false) =>
  ({ address, internal, family: address.includes(':') ? 'IPv6' : 'IPv4' }) as NetworkInterfaceInfo

test('others are told an address that lasts, before one that the machine gave to itself', () => {
  const interfaces = {
    lo: [at('127.0.0.1', true), at('::1', true)],
    ens2: [at('169.254.244.81'), at('fe80::1'), at('fec0::15'), at('10.0.2.15')],
  }
  expect(lanAddresses(interfaces)).toEqual(['10.0.2.15', 'fec0::15', '169.254.244.81'])
})

test('a given address comes before a configured one', () => {
  expect(ownAddress('10.0.0.5', '10.0.0.6')).toBe('10.0.0.5')
  expect(ownAddress(undefined, '10.0.0.6')).toBe('10.0.0.6')
})
