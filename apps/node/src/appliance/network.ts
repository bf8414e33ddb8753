import { mkdirSync, rmSync } from 'node:fs'
import { isIP } from 'node:net'
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

/** What is wrong with a typed address, for people; null: nothing. */
export function addressFault(address: string): string | null {
  const [host = '', prefix = '', more] = address.split('/')
  const family = isIP(host)
  if (family === 0 || more !== undefined) return 'Give an address with its prefix, such as 10.0.0.5/24.'
  const bits = family === 4 ? 32 : 128
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) < 1 || Number(prefix) > bits)
    return `The prefix after the stroke must be 1 to ${bits}, such as 24.`
  return null
}

export function networkFile({ address, gateway, ntp }: FixedAddress): string {
  const lines = ['[Match]', 'Type=ether', '', '[Network]', `Address=${address}`, 'LinkLocalAddressing=yes']
  if (gateway) lines.push(`Gateway=${gateway}`)
  for (const server of ntp) lines.push(`NTP=${server}`)
  return `${lines.join('\n')}\n`
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
