import type { NetworkInterfaceInfo } from 'node:os'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addressScope,
  announcedAddresses,
  broadcastAddress,
  decideInterfaces,
  type InterfaceTable,
  onLinkOf,
} from './interfaces.ts'

function info(cidr: string): NetworkInterfaceInfo {
  const address = cidr.split('/')[0] ?? ''
  const common = {
    address,
    cidr,
    netmask: '',
    mac: '02:00:00:00:00:01',
    internal: addressScope(address) === 'loopback',
  }
  return address.includes(':') ? { ...common, family: 'IPv6', scopeid: 0 } : { ...common, family: 'IPv4' }
}

const table = (entries: Record<string, string[]>): InterfaceTable =>
  Object.fromEntries(Object.entries(entries).map(([name, cidrs]) => [name, cidrs.map(info)]))

const decide = (name: string, ...cidrs: string[]) => decideInterfaces(table({ [name]: cidrs }), 'lan')[0]

describe('which interfaces are the LAN’s', () => {
  it.each([
    ['eth0', ['192.168.1.5/24'], true, 'lan'],
    ['eth0', ['10.1.2.3/8', 'fe80::1/64'], true, 'lan'],
    ['enp1s0', ['172.31.255.254/12'], true, 'lan'],
    ['eth0', ['100.64.1.1/10'], true, 'lan'],
    ['eth0', ['169.254.7.7/16'], true, 'lan'],
    ['eth0', ['fd00::5/64', 'fe80::5/64'], true, 'lan'],
    ['eth0', ['fe80::5/64'], true, 'lan'],
    ['eth0', ['192.168.1.5/24', '2001:db8::5/64'], true, 'lan'],
    ['vlan20', ['10.20.0.2/16'], true, 'lan'],
    ['br0', ['10.0.0.1/24'], true, 'lan'],
    ['bond0', ['10.0.0.1/24'], true, 'lan'],
    ['lo', ['127.0.0.1/8', '::1/128'], false, 'loopback'],
    ['eth0', ['8.8.8.8/24'], false, 'public'],
    ['eth0', ['10.0.0.1/24', '203.0.113.9/24'], false, 'public'],
    ['eth0', ['172.32.0.1/16'], false, 'public'],
    ['eth0', ['100.128.0.1/10'], false, 'public'],
    ['eth0', ['2001:db8::5/64', 'fe80::5/64'], false, 'public'],
    ['docker0', ['172.17.0.1/16'], false, 'virtual'],
    ['br-1f2e3d4c5b6a', ['172.18.0.1/16'], false, 'virtual'],
    ['veth12ab', ['fe80::9/64'], false, 'virtual'],
    ['virbr0', ['192.168.122.1/24'], false, 'virtual'],
    ['cni0', ['10.42.0.1/24'], false, 'virtual'],
    ['flannel.1', ['10.42.0.0/32'], false, 'virtual'],
    ['tun0', ['10.8.0.2/24'], false, 'virtual'],
    ['tap3', ['10.9.0.2/24'], false, 'virtual'],
    ['wg0', ['10.7.0.2/24'], false, 'virtual'],
    ['ztabcdef', ['10.147.17.2/24'], false, 'virtual'],
    ['tailscale0', ['100.100.1.1/32'], false, 'virtual'],
    ['podman0', ['10.88.0.1/16'], false, 'virtual'],
  ] as [string, string[], boolean, string][])(
    '%s with %j: announced %s (%s)',
    (name, cidrs, announced, code) => {
      const decision = decide(name, ...cidrs)
      expect(decision).toMatchObject({ name, announced, code })
      expect(decision?.reason).toMatch(/\.$/)
    },
  )

  it('shows interfaces without an address as not announced', () => {
    expect(decideInterfaces({}, 'lan', ['eth7'])).toMatchObject([
      { name: 'eth7', announced: false, code: 'no-address' },
    ])
  })
})

describe('a list of names', () => {
  const machine = table({
    lo: ['127.0.0.1/8'],
    eth0: ['10.0.0.1/24'],
    eth1: ['203.0.113.9/24'],
    docker0: ['172.17.0.1/16'],
  })

  it('announces on exactly those, public or virtual as they may be, and explains the others', () => {
    const decisions = decideInterfaces(machine, ['eth1', 'docker0', 'eth9', 'eth3'], ['eth3'])
    expect(decisions.map(({ name, announced, code }) => [name, announced, code])).toEqual([
      ['docker0', true, 'named'],
      ['eth0', false, 'not-named'],
      ['eth1', true, 'named'],
      ['eth3', false, 'no-address'],
      ['eth9', false, 'missing'],
      ['lo', false, 'not-named'],
    ])
  })

  it('announces nowhere when it is empty', () => {
    expect(decideInterfaces(machine, []).some((decision) => decision.announced)).toBe(false)
  })
})

describe('addresses', () => {
  it('tells no public address and no link-local IPv6 beside a better one, unless the interface is named', () => {
    const machine = table({ eth0: ['192.168.1.5/24', '2001:db8::5/64', 'fe80::5/64'], eth1: ['fe80::6/64'] })
    const [eth0, eth1] = decideInterfaces(machine, 'lan')
    expect(eth0 && announcedAddresses(eth0)).toEqual(['192.168.1.5'])
    expect(eth1 && announcedAddresses(eth1)).toEqual(['fe80::6'])
    const [named] = decideInterfaces(machine, ['eth0'])
    expect(named && announcedAddresses(named)).toEqual(['192.168.1.5', '2001:db8::5'])
  })

  it.each([
    ['192.168.1.5/24', '192.168.1.255'],
    ['10.0.0.1/8', '10.255.255.255'],
    ['172.16.5.130/25', '172.16.5.255'],
    ['200.1.2.3/30', '200.1.2.3'],
    ['127.0.0.1/8', '127.255.255.255'],
    ['10.0.0.1/31', undefined],
    ['10.0.0.1/32', undefined],
    ['fd00::1/64', undefined],
  ])('broadcast of %s is %s', (cidr, expected) => {
    const address = decide('eth0', cidr)?.addresses[0]
    expect(address && broadcastAddress(address)).toBe(expected)
  })

  it('knows who is on the link', () => {
    const decision = decide('eth0', '192.168.1.5/24', 'fe80::5/64')
    const onLink = decision ? onLinkOf(decision) : () => false
    expect(['192.168.1.77', '::ffff:192.168.1.77', 'fe80::9%eth0'].every(onLink)).toBe(true)
    expect(['192.168.2.1', '8.8.8.8', 'fe80::9%eth1', 'not an address', ''].some(onLink)).toBe(false)
  })

  it('finds a scope for every address and throws for none', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (text) => addressScope(text).length > 0),
    )
  })
})
