import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { BlockList, isIP } from 'node:net'
import { join } from 'node:path'
import { atomicWriteFile } from '../platform/files.ts'
import type { AppliancePaths } from './paths.ts'
import { type RunTool, runTool } from './tools.ts'

/** A fixed address of the machine. */
export interface FixedAddress {
  /** With prefix, such as 10.0.0.5/24. */
  address: string
  gateway?: string | undefined
  /** Time servers of the facility. */
  ntp: readonly string[]
}

const fileName = '10-fixed.network'
const readableFile = 0o644
export const maxTimeServers = 8

/** What is wrong with a typed address, for people; null: nothing. */
export function addressFault(address: string): string | null {
  const [host = '', prefix = '', more] = address.split('/')
  const family = ipFamily(host)
  if (family === 0 || more !== undefined) return 'Give an address with its prefix, such as 10.0.0.5/24.'
  const bits = family === 4 ? 32 : 128
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) < 1 || Number(prefix) > bits)
    return `The prefix after the stroke must be 1 to ${bits}, such as 24.`
  if (
    noMachines.check(host, family === 4 ? 'ipv4' : 'ipv6') ||
    (family === 4 && isEndOf(host, Number(prefix)))
  )
    return `${host} is no address of a machine in a network of prefix ${prefix}.`
  return null
}

/** What is wrong with a gateway for an address that has no fault, for people; null: nothing. */
export function gatewayFault(gateway: string, address: string): string | null {
  const [host = '', prefix = ''] = address.split('/')
  const family = ipFamily(gateway)
  if (family === 0) return 'The gateway must be an address, such as 10.0.0.1.'
  const type = family === 4 ? 'ipv4' : 'ipv6'
  if (gateway === host) return 'The gateway must be another machine.'
  if (family === ipFamily(host)) {
    const network = new BlockList()
    network.addSubnet(host, Number(prefix), type)
    if (network.check(gateway, type) || linkLocal.check(gateway, type)) return null
  }
  return `The gateway ${gateway} is not in the network of ${address}.`
}

/** Loopback, multicast, and what stands for no address (RFC 6890). */
const noMachines = new BlockList()
noMachines.addSubnet('0.0.0.0', 8, 'ipv4')
noMachines.addSubnet('127.0.0.0', 8, 'ipv4')
noMachines.addSubnet('224.0.0.0', 3, 'ipv4')
noMachines.addSubnet('::', 127, 'ipv6')
noMachines.addSubnet('ff00::', 8, 'ipv6')

/** Routers of IPv6 are known by these (RFC 4861, section 4.2). */
const linkLocal = new BlockList()
linkLocal.addSubnet('fe80::', 10, 'ipv6')

/** Whether an IPv4 address is the first or the last of its network, which stand for the network and for all (RFC 3021). */
function isEndOf(host: string, prefix: number): boolean {
  if (prefix > 30) return false
  const bits = 2 ** (32 - prefix)
  const place = host.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) % bits
  return place === 0 || place === bits - 1
}

/** Whether a time server is given as an address: nothing on this machine asks for names. */
export const isAddress = (text: string): boolean => ipFamily(text) !== 0

/** 4, 6 or 0. An address with a zone belongs to one machine's interface and is none to set. */
function ipFamily(text: string): number {
  return text.includes('%') ? 0 : isIP(text)
}

export function networkFile({ address, gateway, ntp }: FixedAddress): string {
  const lines = ['[Match]', 'Type=ether', '', '[Network]', `Address=${address}`, 'LinkLocalAddressing=yes']
  if (gateway) lines.push(`Gateway=${gateway}`)
  for (const server of ntp) lines.push(`NTP=${server}`)
  return `${lines.join('\n')}\n`
}

/** The time servers that are set with a fixed address. */
export function fixedTimeServers(paths: AppliancePaths): string[] {
  try {
    const text = readFileSync(join(paths.network, fileName), 'utf8')
    return [...text.matchAll(/^NTP=(.+)$/gm)].map(([, server]) => server!.trim())
  } catch {
    return []
  }
}

/** Keeps a fixed address, or DHCP with null, and uses it at once; systemd-networkd reads the file through a link in /etc. */
export async function setNetwork(
  paths: AppliancePaths,
  fixed: FixedAddress | null,
  run: RunTool = runTool,
): Promise<void> {
  mkdirSync(paths.network, { recursive: true, mode: 0o755 })
  const kept = join(paths.network, fileName)
  if (fixed === null) rmSync(kept, { force: true })
  else await atomicWriteFile(kept, networkFile(fixed), readableFile)
  await run('networkctl', ['reload'])
}
