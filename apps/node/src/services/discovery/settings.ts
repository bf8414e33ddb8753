import { isIP } from 'node:net'
import * as z from 'zod'
import { DiscoverySettingsError } from './errors.ts'

/** Interfaces that may be named; more than any machine of a facility has. */
export const INTERFACES_MAX = 32
/** Each static peer costs one name look-up per scan and one datagram per interval. */
export const STATIC_PEERS_MAX = 64

/** A Linux interface name: up to 15 bytes without a slash or white space (IFNAMSIZ). */
const interfaceNameSchema = z
  .string()
  .regex(
    /^[^\s/]{1,15}$/,
    'an interface name has 1 to 15 characters, without space or slash, as "ip link" shows it',
  )

const staticPeerSchema = z
  .string()
  .max(260)
  .refine((text) => parseHostPort(text) !== undefined, {
    error: 'write host:port, for example 10.1.2.3:7443, node-2.example:7443 or [fd00::3]:7443',
  })

/** How this node makes itself known and looks for others. */
export const discoverySettingsSchema = z.object({
  enabled: z
    .boolean()
    .default(true)
    .describe('Announce this node and listen for others. Off: no packet is sent, no port is opened.'),
  interfaces: z
    .union([z.literal('lan'), z.array(interfaceNameSchema).max(INTERFACES_MAX)])
    .default('lan')
    .describe('`lan` picks the interfaces of the local network; a list of names picks exactly those.'),
  mdns: z.boolean().default(true).describe('Announce `_holdfast._tcp` by mDNS/DNS-SD on 5353/udp.'),
  beacon: z.boolean().default(true).describe('Send and answer signed beacons on 7447/udp.'),
  staticPeers: z
    .array(staticPeerSchema)
    .max(STATIC_PEERS_MAX)
    .default([])
    .describe(
      'Nodes behind a router, as host:port of their HTTPS service; beacons also go to them directly.',
    ),
})

export type DiscoverySettings = z.infer<typeof discoverySettingsSchema>

/**
 * Checks settings and fills in defaults.
 * @throws DiscoverySettingsError naming the first wrong setting.
 */
export function parseDiscoverySettings(input: unknown): DiscoverySettings {
  const result = discoverySettingsSchema.safeParse(input)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const where = issue?.path.join('.') || 'the whole object'
  throw new DiscoverySettingsError(`${where}: ${issue?.message ?? 'not valid'}`, { cause: result.error })
}

export type HostPort = { host: string; port: number }

/** Splits `host:port` (IPv6 in brackets, RFC 3986 section 3.2.2); undefined when it is not one. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}))):(\d{1,5})$/.exec(text)
  if (!match) return undefined
  const port = Number(match[3])
  const host = match[1] ?? match[2] ?? ''
  if (port < 1 || port > 65_535) return undefined
  if (match[1] !== undefined && isIP(match[1]) !== 6) return undefined
  // Digits and dots alone are meant as an IPv4 address; a wrong one would otherwise become a slow name look-up.
  if (/^[\d.]+$/.test(host) && isIP(host) !== 4) return undefined
  return { host: host.toLowerCase(), port }
}
