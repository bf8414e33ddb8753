import { readdirSync } from 'node:fs'
import { BlockList, isIP, isIPv4 } from 'node:net'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'

/** What an address is good for; everything that no listed range covers is `public`. */
export type AddressScope = 'loopback' | 'private' | 'shared' | 'unique-local' | 'link-local' | 'public'

export type InterfaceAddress = { address: string; cidr: string; family: 'IPv4' | 'IPv6'; scope: AddressScope }

/** Why an interface is or is not announced on; stable, for programs. `reason` says the same for people. */
export type InterfaceCode =
  | 'lan'
  | 'named'
  | 'not-named'
  | 'loopback'
  | 'virtual'
  | 'public'
  | 'no-address'
  | 'missing'

/** One row of the table that Settings and `doctor` show. */
export type InterfaceDecision = {
  name: string
  mac: string
  addresses: InterfaceAddress[]
  announced: boolean
  code: InterfaceCode
  reason: string
}

export type InterfaceTable = Record<string, NetworkInterfaceInfo[] | undefined>

const ranges: [AddressScope, string, number][] = [
  ['loopback', '127.0.0.0', 8],
  ['private', '10.0.0.0', 8], // RFC 1918
  ['private', '172.16.0.0', 12], // RFC 1918
  ['private', '192.168.0.0', 16], // RFC 1918
  ['shared', '100.64.0.0', 10], // RFC 6598, carrier-grade NAT
  ['link-local', '169.254.0.0', 16], // RFC 3927
  ['loopback', '::1', 128],
  ['unique-local', 'fc00::', 7], // RFC 4193
  ['link-local', 'fe80::', 10], // RFC 4291 section 2.5.6
]

const scopes = new Map<AddressScope, BlockList>()
for (const [scope, network, prefix] of ranges) {
  const list = scopes.get(scope) ?? new BlockList()
  list.addSubnet(network, prefix, isIPv4(network) ? 'ipv4' : 'ipv6')
  scopes.set(scope, list)
}

/** The scope of an address; a zone (`%eth0`) and an IPv4-mapped prefix are looked through. */
export function addressScope(address: string): AddressScope {
  const plain = plainAddress(address)
  for (const [scope, list] of scopes) if (contains(list, plain)) return scope
  return 'public'
}

/** The address without zone and without the IPv4-mapped prefix (RFC 4291 section 2.5.5.2). */
export function plainAddress(address: string): string {
  const withoutZone = address.split('%', 1)[0] ?? address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(withoutZone)
  return mapped?.[1] ?? withoutZone
}

/**
 * Interfaces that containers, virtual machines and tunnels make. Their addresses look like a LAN's, but what hears
 * an announcement there is not the facility's network, or is the far end of a tunnel.
 */
const virtualName =
  /^(docker|br-|veth|virbr|vnet|cni|flannel|cali|cilium|kube-|nerdctl|podman|lxc|lxd|vmnet|vboxnet|tun|tap|utun|wg|zt|tailscale|ppp)/

/**
 * Decides for each interface whether the node is announced on it, and says why.
 * @param table as `os.networkInterfaces()` gives it: only interfaces that are up and have an address
 * @param setting `lan`, or the names that the operator listed
 * @param otherNames further interfaces that exist, to be shown although they have no address
 */
export function decideInterfaces(
  table: InterfaceTable,
  setting: 'lan' | readonly string[],
  otherNames: readonly string[] = [],
): InterfaceDecision[] {
  const named = setting === 'lan' ? [] : setting
  const names = [...new Set([...Object.keys(table), ...otherNames, ...named])].sort()
  return names.map((name) => {
    const infos = table[name] ?? []
    const addresses = infos.map(toAddress).sort(byFamily)
    const exists = infos.length > 0 || otherNames.includes(name)
    const verdict =
      setting === 'lan'
        ? decideByKind(name, infos, addresses)
        : decideByName(name, setting, addresses, exists)
    return { name, mac: infos[0]?.mac ?? '', addresses, ...verdict }
  })
}

type Verdict = Pick<InterfaceDecision, 'announced' | 'code' | 'reason'>

const no = (code: InterfaceCode, reason: string): Verdict => ({ announced: false, code, reason })
const yes = (code: InterfaceCode, reason: string): Verdict => ({ announced: true, code, reason })

function decideByName(
  name: string,
  setting: readonly string[],
  addresses: InterfaceAddress[],
  exists: boolean,
): Verdict {
  if (!setting.includes(name)) return no('not-named', 'The settings name other interfaces.')
  if (!exists)
    return no(
      'missing',
      'The settings name it, but this machine has no such interface. Correct the name or plug it in.',
    )
  if (addresses.length === 0)
    return no(
      'no-address',
      'The settings name it, but it is down or has no address. Connect it and give it one.',
    )
  return yes('named', 'The settings name it.')
}

function decideByKind(name: string, infos: NetworkInterfaceInfo[], addresses: InterfaceAddress[]): Verdict {
  if (addresses.length === 0) return no('no-address', 'It is down or has no address.')
  if (infos.every((info) => info.internal)) return no('loopback', 'Loopback: nobody else can hear it.')
  if (virtualName.test(name))
    return no(
      'virtual',
      'Made by a container, virtual machine or tunnel. If it is your LAN, name it in the settings.',
    )
  // With IPv4 present it decides: a LAN that also has global IPv6 addresses is still the facility's LAN.
  const ipv4 = addresses.filter((entry) => entry.family === 'IPv4')
  const decisive = ipv4.length > 0 ? ipv4 : addresses
  const open = decisive.find((entry) => entry.scope === 'public')
  if (open)
    return no(
      'public',
      `${open.address} is a public address. If it is your LAN all the same, name it in the settings.`,
    )
  const local = decisive.find((entry) => entry.scope !== 'loopback')
  if (!local) return no('loopback', 'Loopback: nobody else can hear it.')
  return yes('lan', `${local.address} is a ${scopeText[local.scope]} address: the LAN's.`)
}

const scopeText: Record<AddressScope, string> = {
  loopback: 'loopback',
  private: 'private (RFC 1918)',
  shared: 'shared (RFC 6598)',
  'unique-local': 'unique local (RFC 4193)',
  'link-local': 'link-local',
  public: 'public',
}

/**
 * The addresses that may be told to others on this interface: never another interface's, never a public one unless
 * the operator named the interface, and a link-local IPv6 address only when there is no better one.
 */
export function announcedAddresses(decision: InterfaceDecision): string[] {
  const allowed = decision.addresses.filter((entry) => decision.code === 'named' || entry.scope !== 'public')
  const routable = allowed.filter((entry) => !(entry.family === 'IPv6' && entry.scope === 'link-local'))
  return (routable.length > 0 ? routable : allowed).map((entry) => entry.address)
}

/** Directed broadcast address of an IPv4 interface address; undefined for /31 and /32 (RFC 3021) and IPv6. */
export function broadcastAddress(entry: InterfaceAddress): string | undefined {
  const prefix = Number(entry.cidr.split('/')[1])
  if (entry.family !== 'IPv4' || !(prefix < 31)) return undefined
  const value = entry.address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  const hostMask = 2 ** (32 - prefix) - 1
  const broadcast = (value | hostMask) >>> 0
  return [24, 16, 8, 0].map((shift) => (broadcast >>> shift) & 255).join('.')
}

/** A test whether a sender is on the link of this interface (RFC 6762 section 11). */
export function onLinkOf(decision: InterfaceDecision): (address: string) => boolean {
  const list = new BlockList()
  for (const { address, cidr, family } of decision.addresses)
    list.addSubnet(address, Number(cidr.split('/')[1]), family === 'IPv4' ? 'ipv4' : 'ipv6')
  return (address) => {
    // Link-local IPv6 networks are the same on all interfaces; the zone tells them apart (Linux: the name).
    const zone = address.split('%')[1]
    const elsewhere = zone !== undefined && !/^\d+$/.test(zone) && zone !== decision.name
    return !elsewhere && contains(list, plainAddress(address))
  }
}

/** `BlockList.check` throws on what is not an address; that is then simply not contained. */
function contains(list: BlockList, address: string): boolean {
  const version = isIP(address)
  return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6')
}

/** What this machine has now. On Linux also the names of interfaces that are down. */
export function readInterfaces(): { table: InterfaceTable; otherNames: string[] } {
  let otherNames: string[] = []
  try {
    otherNames = readdirSync('/sys/class/net').filter((name) => name !== 'bonding_masters')
  } catch {
    // Not Linux, or hidden by a sandbox: the table then shows only what has an address.
  }
  return { table: networkInterfaces(), otherNames }
}

function toAddress(info: NetworkInterfaceInfo): InterfaceAddress {
  const prefix = info.family === 'IPv4' ? 32 : 128
  const cidr = info.cidr ?? `${info.address}/${prefix}`
  return { address: info.address, cidr, family: info.family, scope: addressScope(info.address) }
}

/** IPv4 first, otherwise as the system lists them: the first is the interface's primary address. */
const byFamily = (a: InterfaceAddress, b: InterfaceAddress) => a.family.localeCompare(b.family)
