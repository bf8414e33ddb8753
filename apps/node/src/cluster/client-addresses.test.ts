import { expect, test } from 'vitest'
import type { Directory } from '../state/directory.ts'
import { clientAddresses } from './client-addresses.ts'

test('members with a known address are named, IPv6 in brackets, and oneself where that is wanted', () => {
  const rows = [
    { id: 'n_1', name: 'one', address: '10.0.0.1', httpsPort: 7443 },
    { id: 'n_2', name: 'two', address: 'fd00::2', httpsPort: 8443 },
    { id: 'n_3', name: 'three', address: null, httpsPort: null },
  ]
  const directory = { nodes: new Map(rows.map((row) => [row.id, row])) } as unknown as Directory
  const one = { name: 'one', url: 'https://10.0.0.1:7443' }
  const two = { name: 'two', url: 'https://[fd00::2]:8443' }
  expect(clientAddresses(directory)).toEqual([one, two])
  expect(clientAddresses(directory, 'n_1')).toEqual([two])
})
