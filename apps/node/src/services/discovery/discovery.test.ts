/** The whole of Discovery on this machine's loopback alone, on ports of its own. */
import { createSocket } from 'node:dgram'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { certificateIdentity } from './beacon.ts'
import { discover } from './discover.ts'
import { Discovery, type DiscoveryOptions } from './discovery.ts'
import { DiscoverySettingsError } from './errors.ts'
import { PEERS_PER_SOURCE_MAX } from './peer-map.ts'
import { parseDiscoverySettings, parseHostPort } from './settings.ts'
import { type TestIdentity, testIdentity } from './test-identity.ts'

const settings = parseDiscoverySettings({ interfaces: ['lo'] })
const silent = { info: () => {}, warn: () => {}, debug: () => {} }
const identities: TestIdentity[] = []
beforeAll(async () => {
  for (const name of ['one', 'two']) identities.push(await testIdentity(name))
})

let beaconPort = 0
/** Discovery number `index`; its ports are free ones that all nodes of one test share. */
async function node(index: number, overrides: Partial<DiscoveryOptions> = {}) {
  if (index === 0) beaconPort = await freeUdpPort()
  const ports = { beacon: beaconPort, mdns: beaconPort + 1 }
  const intervals = { beaconMs: 200, mdnsQueryMs: 500, rescanMs: 1_000 }
  const identity = identities[index] ?? (await testIdentity('more'))
  return new Discovery({ ...identity, settings, log: silent, ports, intervals, ...overrides })
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(resolve))
  return Math.min(port, 65_000)
}

const label = (text: string) => [text.length, ...Buffer.from(text)]
const service = [...label('_holdfast'), ...label('_tcp'), ...label('local'), 0]
/** Who is `_holdfast._tcp.local` PTR? */
const question = Buffer.from([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...service, 0, 12, 0, 1])
/** `x._holdfast._tcp.local`: PTR, SRV and TXT, with compressed names (RFC 1035 section 4.1.4). */
const answer = Buffer.from([
  ...[
    0,
    0,
    0x84,
    0,
    0,
    0,
    0,
    3,
    0,
    0,
    0,
    0,
    ...service,
    0,
    12,
    0,
    1,
    0,
    0,
    0,
    120,
    0,
    4,
    ...label('x'),
    0xc0,
    12,
  ],
  ...[0xc0, 44, 0, 33, 0, 1, 0, 0, 0, 120, 0, 10, 0, 0, 0, 0, 0x1d, 0x13, ...label('h'), 0xc0, 27],
  ...[0xc0, 44, 0, 16, 0, 1, 0, 0, 0, 120, 0, 5, ...label('id=a')],
])

const waitFor = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 50 })

describe('two nodes on one machine', () => {
  it('share the ports, find each other by beacon and mDNS, and forget who is gone', async () => {
    await using one = await node(0)
    const two = await node(1)
    await one.start()
    await two.start()
    await waitFor(() => {
      const both = {
        origins: ['beacon', 'mdns'],
        verified: true,
        addresses: expect.arrayContaining(['127.0.0.1']),
      }
      expect(one.peers()).toMatchObject([{ nodeId: 'n_two', ...both }])
      expect(two.peers()).toMatchObject([{ nodeId: 'n_one', ...both }])
    })
    await two.stop()
    expect(two.peers()).toEqual([])
    await waitFor(() => expect(one.peers()).toEqual([]))
    expect(one.state()).toMatchObject({ beacon: { status: 'up', problem: null }, mdns: { status: 'up' } })
  })

  it('are found by a client, which needs no identity', async () => {
    await using one = await node(0)
    await using two = await node(1)
    await one.start()
    await two.start()
    const ports = { beacon: beaconPort, mdns: beaconPort + 1 }
    const peers = await discover({
      interfaces: ['lo'],
      ports,
      timeoutMs: 8_000,
      until: (found) => found.length === 2,
    })
    expect(peers.map((peer) => [peer.nodeId, peer.verified])).toEqual([
      ['n_one', true],
      ['n_two', true],
    ])
    expect(Math.abs(peers[0]?.clockOffsetMs ?? Number.NaN)).toBeLessThan(1_000)
  })

  it('know each other as members when the cluster knows the key', async () => {
    const twoKey = certificateIdentity(identities[1]?.certificate ?? '').keyFingerprint
    await using one = await node(0, { memberKey: (id) => (id === 'n_two' ? twoKey : undefined) })
    await using two = await node(1)
    await one.start()
    await two.start()
    await waitFor(() => expect(one.peers()[0]?.member).toBe(true))
    await waitFor(() => expect(two.peers()[0]?.member).toBe(false))
  })
})

describe('settings', () => {
  it('off: nothing is opened or sent, and static peers are still listed', async () => {
    await using one = await node(0, {
      settings: { ...settings, enabled: false, staticPeers: ['10.1.2.3:7443'] },
    })
    await one.start()
    expect(one.state()).toMatchObject({
      beacon: { status: 'off', sent: 0 },
      mdns: { status: 'off', links: [] },
    })
    expect(one.peers()).toMatchObject([
      { origins: ['static'], addresses: ['10.1.2.3'], port: 7443, verified: false },
    ])
  })

  it('take effect at once', async () => {
    await using one = await node(0)
    await one.start()
    await one.update({ ...settings, mdns: false })
    expect(one.state()).toMatchObject({ beacon: { status: 'up' }, mdns: { status: 'off' } })
    await one.update({ ...settings, interfaces: ['nothing0'] })
    expect(one.state().interfaces.find((entry) => entry.name === 'nothing0')).toMatchObject({
      code: 'missing',
    })
    const { sent } = one.state().beacon
    await delay(500)
    expect(one.state().beacon.sent).toBe(sent)
  })

  it('a static peer is sent beacons directly, without any announced interface', async () => {
    await using one = await node(0, { settings: { ...settings, interfaces: [], mdns: false } })
    const own = { ...settings, interfaces: [], mdns: false, staticPeers: ['127.0.0.9:7443'] }
    await using two = await node(1, { settings: own })
    // Bound to the same port, the last socket opened gets what is sent to one address.
    await two.start()
    await one.start()
    await waitFor(() => expect(one.peers()).toMatchObject([{ nodeId: 'n_two' }]))
  })

  it.each([
    [{ interfaces: ['far too long a name'] }, /interfaces/],
    [{ staticPeers: ['10.0.0.300:7443'] }, /staticPeers\.0: write host:port/],
    [{ staticPeers: ['node-2'] }, /write host:port/],
    [{ enabled: 'yes' }, /enabled/],
  ])('refuses %j by name', (wrong, message) => {
    expect(() => parseDiscoverySettings(wrong)).toThrow(DiscoverySettingsError)
    expect(() => parseDiscoverySettings(wrong)).toThrow(message)
  })

  it.each([
    ['10.1.2.3:7443', { host: '10.1.2.3', port: 7443 }],
    ['Node-2.Example:443', { host: 'node-2.example', port: 443 }],
    ['[fd00::3]:7443', { host: 'fd00::3', port: 7443 }],
    ['fd00::3:7443', undefined],
    ['[10.0.0.1]:7443', undefined],
    ['host:0', undefined],
    ['host:65536', undefined],
    ['-a:1', undefined],
  ])('%s is %j', (text, expected) => expect(parseHostPort(text)).toEqual(expected))
})

describe('trouble', () => {
  it('a port that somebody holds alone is noted, and taken as soon as it is free', async () => {
    await using one = await node(0)
    const thief = createSocket({ type: 'udp4', reuseAddr: false })
    await new Promise<void>((resolve) => thief.bind(beaconPort, resolve))
    await one.start()
    expect(one.state().beacon.problem).toMatch(/EADDRINUSE.*ss -ulpn/)
    await new Promise<void>((resolve) => thief.close(resolve))
    await waitFor(() => expect(one.state().beacon).toMatchObject({ status: 'up', problem: null }))
  })

  it('an interface that cannot be reached is counted and does not stop the others', async () => {
    const gone = {
      address: '192.0.2.77',
      cidr: '192.0.2.77/24',
      netmask: '',
      mac: '',
      internal: false,
    } as const
    await using one = await node(0, {
      settings: { ...settings, interfaces: ['lo', 'gone0'] },
      readInterfaces: () => ({
        table: {
          lo: [{ ...gone, family: 'IPv4', address: '127.0.0.1', cidr: '127.0.0.1/8' }],
          gone0: [{ ...gone, family: 'IPv4' }],
        },
        otherNames: [],
      }),
    })
    await one.start()
    const { mdns, beacon } = one.state()
    expect(mdns.links.find((link) => link.name === 'gone0')).toMatchObject({ up: false })
    expect(mdns.links.find((link) => link.name === 'lo')).toMatchObject({ up: true, problem: null })
    expect(beacon.status).toBe('up')
  })

  it('junk on both ports is counted and changes nothing', async () => {
    await using one = await node(0)
    await one.start()
    const sender = createSocket('udp4')
    await new Promise<void>((resolve) => sender.bind(0, '127.0.0.1', resolve))
    sender.setMulticastInterface('127.0.0.1')
    for (const bytes of [
      Buffer.alloc(5_000),
      Buffer.from('junk'),
      Buffer.from([0, 0, 0x84, 0, 0, 0, 255, 255]),
    ])
      for (const [port, address] of [
        [beaconPort, '127.0.0.1'],
        [beaconPort + 1, '127.0.0.1'],
        [beaconPort + 1, '224.0.0.251'],
      ] as const)
        await new Promise<void>((resolve) => sender.send(bytes, port, address, () => resolve()))
    await waitFor(() => expect(one.state().beacon.dropped).toMatchObject({ oversized: 1, malformed: 2 }))
    await new Promise<void>((resolve) => sender.close(() => resolve()))
    expect(one.peers()).toEqual([])
  })

  it('damaged DNS packets of every kind leave mDNS working', async () => {
    await using one = await node(0)
    await one.start()
    const sender = createSocket('udp4')
    await new Promise<void>((resolve) => sender.bind(0, '127.0.0.1', resolve))
    sender.setMulticastInterface('127.0.0.1')
    const mutation = fc.tuple(fc.nat(), fc.nat(255))
    const packet = fc.tuple(
      fc.constantFrom(question, answer),
      fc.array(mutation, { minLength: 1, maxLength: 8 }),
    )
    for (const [original, mutations] of fc.sample(packet, 2_000)) {
      const bytes = Buffer.from(original)
      for (const [index, value] of mutations) bytes[index % bytes.length] = value
      await new Promise<void>((resolve) => sender.send(bytes, beaconPort + 1, '224.0.0.251', () => resolve()))
    }
    await new Promise<void>((resolve) => sender.close(() => resolve()))
    await waitFor(() => expect(one.state().mdns.malformed).toBeGreaterThan(100))
    await using two = await node(1, { settings: { ...settings, beacon: false } })
    await two.start()
    await waitFor(() => expect(two.peers().some((peer) => peer.nodeId === 'n_one')).toBe(true))
    expect(one.peers().length).toBeLessThanOrEqual(PEERS_PER_SOURCE_MAX)
  })

  it('a key that no longer signs is reported and does not end the process', async () => {
    const warn = vi.fn()
    const sign = () => {
      throw new Error('key is gone')
    }
    await using one = await node(0, { sign, log: { ...silent, warn } })
    await one.start()
    await delay(500)
    expect(one.state()).toMatchObject({
      mdns: { status: 'up' },
      beacon: { problem: expect.stringMatching(/key is gone.*private key/) },
    })
    // Told once, although every beacon fails.
    expect(warn).toHaveBeenCalledTimes(1)
  })

  it('a running copy of this node is noticed', async () => {
    await using one = await node(0)
    await one.start()
    await delay(5)
    await using copy = await node(2, { ...identities[0] })
    await copy.start()
    await waitFor(() => expect(one.state().clone).toMatchObject({ address: '127.0.0.1' }))
  })
})
