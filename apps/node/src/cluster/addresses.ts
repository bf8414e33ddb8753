import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { HoldfastError } from '@holdfast/api/contract/errors'

/** Host part of a URL. */
export const urlHost = (address: string): string => (isIPv6(address) ? `[${address}]` : address)

export const raftUrl = (address: string, raftPort: number): string =>
  `https://${urlHost(address)}:${raftPort}`
export const httpsUrl = (address: string, httpsPort: number): string =>
  `https://${urlHost(address)}:${httpsPort}`

/** An address that a machine gives to itself until somebody else does (RFC 3927). */
export const isProvisional = (address: string): boolean => address.startsWith('169.254.')

/** Addresses of this machine that others on its networks may reach, IPv4 first, provisional ones last. */
export function lanAddresses(interfaces = networkInterfaces()): string[] {
  const all = Object.values(interfaces)
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address))
  const rank = ({ family, address }: { family: string; address: string }) =>
    isProvisional(address) ? 2 : family === 'IPv4' ? 0 : 1
  return all.toSorted((a, b) => rank(a) - rank(b)).map(({ address }) => address)
}

/**
 * Where the other nodes are to reach this one: as given, as configured, or the first address on the LAN.
 * @throws HoldfastError `bad-request` when there is none
 */
export function ownAddress(given: string | null | undefined, configured: string | null): string {
  const address = given ?? configured ?? lanAddresses()[0]
  if (address === undefined)
    throw new HoldfastError(
      'bad-request',
      'This machine has no address on a network; give the address at which the other nodes reach it.',
    )
  return address
}
