/**
 * Real nodes, a real network, Debian's own avahi. One LAN (10.77.0.0/24 and fd77::/64):
 *
 *   hall-a  10.77.0.1  node, avahi beside it on 5353, also a container bridge and a public address
 *   hall-b  10.77.0.2  node
 *   desk    10.77.0.3  avahi and clients, no node
 *   six     fd77::6    IPv6 only, clients
 *   router  10.77.0.254 → 10.78.0.254, and behind it: far 10.78.0.1, a node that knows hall-a as a static peer
 */
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { DiscoveryState } from './discovery.ts'
import type { Peer } from './peer-map.ts'
import { requireTools, TestLan } from './test-lan.ts'

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const waitFor = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 300 })

type Report = { peers: Peer[]; state: DiscoveryState }

class TestNode {
  readonly child: ChildProcess
  /** What the node said last. */
  latest: Report | undefined
  log = ''

  constructor(lan: TestLan, host: string, settings: object = {}) {
    this.child = lan.spawn(host, [
      process.execPath,
      script('test-node.ts'),
      JSON.stringify({ name: host, settings }),
    ])
    let rest = ''
    this.child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n')
      rest = lines.pop() ?? ''
      const line = lines.at(-1)
      if (line) this.latest = JSON.parse(line) as Report
    })
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.log += chunk.toString()
    })
  }

  get peers(): Peer[] {
    return this.latest?.peers ?? []
  }
}

let lan: TestLan
let hallA: TestNode
let hallB: TestNode
let far: TestNode
let deskAvahi: Record<string, string>
let hallAvahi: Record<string, string>

beforeAll(async () => {
  requireTools({
    ip: 'iproute2',
    'dbus-daemon': 'dbus-daemon',
    'avahi-daemon': 'avahi-daemon',
    'avahi-browse': 'avahi-utils',
  })
  lan = new TestLan()
  lan.addHost('hall-a', '10.77.0.1/24', 'fd77::1/64')
  lan.addHost('hall-b', '10.77.0.2/24', 'fd77::2/64')
  lan.addHost('desk', '10.77.0.3/24')
  lan.addHost('six', 'fd77::6/64')
  lan.addHost('router', '10.77.0.254/24')
  lan.connect(
    { host: 'router', device: 'lan1', cidr: '10.78.0.254/24' },
    { host: 'far', device: 'lan0', cidr: '10.78.0.1/24' },
  )
  await lan.run('router', ['sysctl', '-qw', 'net.ipv4.ip_forward=1'])
  lan.ip('far', 'route add default via 10.78.0.254')
  lan.ip('hall-a', 'route add default via 10.77.0.254')
  // Otherwise the kernel itself speaks on the new interfaces, to find IPv6 routers.
  await lan.run('hall-a', ['sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1'])
  const outside = 'outside'
  lan.connect(
    { host: 'hall-a', device: 'docker0', cidr: '172.17.0.1/16' },
    { host: outside, device: 'container', cidr: '172.17.0.2/16' },
  )
  lan.connect(
    { host: 'hall-a', device: 'wan0', cidr: '203.0.113.9/24' },
    { host: outside, device: 'provider', cidr: '203.0.113.1/24' },
  )
  hallAvahi = await lan.startAvahi('hall-a')
  deskAvahi = await lan.startAvahi('desk')
  hallA = new TestNode(lan, 'hall-a')
  hallB = new TestNode(lan, 'hall-b')
  far = new TestNode(lan, 'far', { staticPeers: ['10.77.0.1:7443'] })
})

afterAll(async () => {
  await lan?.[Symbol.asyncDispose]()
})

/** The resolved instances that avahi on that host knows: [name, host, address, port, TXT]. */
async function avahiBrowse(host: string, env: Record<string, string>) {
  const output = await lan.run(host, ['avahi-browse', '-rpt', '_holdfast._tcp'], env)
  const rows = output.split('\n').filter((line) => line.startsWith('='))
  const instances = rows.map((line) => line.split(';')).map((row) => ({ row, name: plainName(row[3] ?? '') }))
  return {
    output,
    instances: instances.map(({ row, name }) => ({
      name,
      host: row[6],
      address: row[7],
      port: row[8],
      txt: row[9],
    })),
  }
}

/** avahi-browse writes special characters as `\ddd`, decimal. */
const plainName = (text: string) =>
  text.replace(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number(code)))

async function discoverFrom(host: string, options: object): Promise<Peer[]> {
  const command = [process.execPath, script('test-client.ts'), JSON.stringify(options)]
  return JSON.parse(await lan.run(host, command)) as Peer[]
}

describe('two nodes on a LAN', () => {
  it('find each other by signed beacon and by mDNS', async () => {
    await waitFor(() => {
      const b = hallA.peers.find((peer) => peer.nodeName === 'hall-b')
      expect(b).toMatchObject({
        verified: true,
        origins: ['beacon', 'mdns'],
        addresses: ['10.77.0.2', 'fd77::2'],
      })
      const a = hallB.peers.find((peer) => peer.nodeName === 'hall-a')
      expect(a).toMatchObject({
        verified: true,
        origins: ['beacon', 'mdns'],
        addresses: ['10.77.0.1', 'fd77::1'],
      })
    })
  })

  it('are both found by discover() on another machine', async () => {
    const peers = await discoverFrom('desk', { timeoutMs: 10_000, find: 2 })
    expect(
      peers.map(({ nodeName, port, verified, origins }) => ({ nodeName, port, verified, origins })),
    ).toEqual([
      { nodeName: 'hall-a', port: 7443, verified: true, origins: ['beacon', 'mdns'] },
      { nodeName: 'hall-b', port: 7443, verified: true, origins: ['beacon', 'mdns'] },
    ])
  })

  it('are both found by discover() on the machine of one of them', async () => {
    const peers = await discoverFrom('hall-a', { timeoutMs: 10_000, find: 2 })
    expect(peers.map((peer) => peer.nodeName)).toEqual(['hall-a', 'hall-b'])
  })

  it('are found by a machine that has only IPv6', async () => {
    const peers = await discoverFrom('six', { timeoutMs: 3_000, find: 9 })
    expect(peers.map((peer) => [peer.nodeName, peer.verified])).toEqual([
      ['hall-a', true],
      ['hall-b', true],
    ])
  })
})

describe('Debian’s avahi-browse', () => {
  // avahi resolves to either version of IP, and lists TXT pairs from the last to the first.
  const resolved = (name: string, address: RegExp) => ({
    name: expect.stringMatching(new RegExp(`^${name} \\([0-9a-f]{8}\\)$`)),
    host: expect.stringMatching(/^holdfast-[0-9a-f]{16}\.local$/),
    address: expect.stringMatching(address),
    port: '7443',
    txt: expect.stringMatching(
      new RegExp(
        `^"proto=1" "path=/client/v1" "key=[0-9a-f]{64}" "ca=[0-9a-f]{64}" "version=0.1.0" ` +
          `"facility=Test facility" "id=n_${name}" "txtvers=1"`,
      ),
    ),
  })

  it.each([
    ['on another machine', 'desk', () => deskAvahi],
    ['on a node’s own machine, sharing port 5353 with it', 'hall-a', () => hallAvahi],
  ])('sees both nodes with their records %s', async (_, host, env) => {
    await waitFor(async () => {
      const { instances, output } = await avahiBrowse(host, env())
      const names = instances.map((instance) => instance.name).sort()
      expect(new Set(names.map((name) => name.split(' ')[0])), output).toEqual(new Set(['hall-a', 'hall-b']))
      const sorted = instances.sort((a, b) => a.name.localeCompare(b.name))
      expect(sorted).toEqual([
        resolved('hall-a', /^(10\.77\.0\.1|fd77::1)$/),
        resolved('hall-b', /^(10\.77\.0\.2|fd77::2)$/),
      ])
    })
  })

  it('leaves avahi its own host name', async () => {
    expect((await lan.run('desk', ['avahi-resolve', '-4n', 'hall-a.local'], deskAvahi)).trim()).toBe(
      'hall-a.local\t10.77.0.1',
    )
  })
})

describe('interfaces that are not the LAN’s', () => {
  it('are explained and not a single packet is sent on them', () => {
    const table = hallA.latest?.state.interfaces.map(({ name, announced, code }) => [name, announced, code])
    expect(table).toEqual([
      ['docker0', false, 'virtual'],
      ['lan0', true, 'lan'],
      ['lo', false, 'loopback'],
      ['wan0', false, 'public'],
    ])
    expect([sentOn('docker0'), sentOn('wan0')]).toEqual([0, 0])
  })
})

/** Packets that hall-a has sent on that interface. */
function sentOn(device: string): number | undefined {
  type Link = { stats64: { tx: { packets: number } } }
  const [link] = JSON.parse(lan.ip('hall-a', `-j -s link show ${device}`)) as Link[]
  return link?.stats64.tx.packets
}

describe('a node behind a router', () => {
  it('is known on both sides although only one side configured it', async () => {
    await waitFor(() => {
      expect(far.peers).toMatchObject([{ nodeName: 'hall-a', verified: true, origins: ['beacon', 'static'] }])
      const seen = hallA.peers.find((peer) => peer.nodeName === 'far')
      expect(seen).toMatchObject({ verified: true, origins: ['beacon'], addresses: ['10.78.0.1'] })
    })
  })
})

describe('coming and going', () => {
  const knowsB = () => hallA.peers.some((peer) => peer.nodeName === 'hall-b')

  it('a pulled cable is noticed, and so is its return', async () => {
    lan.ip('hall-b', 'link set lan0 down')
    await waitFor(() => {
      expect(knowsB()).toBe(false)
      expect(hallB.latest?.state.mdns.links).toEqual([])
    })
    lan.ip('hall-b', 'link set lan0 up')
    await waitFor(() => {
      const seen = hallA.peers.find((peer) => peer.nodeName === 'hall-b')
      expect(seen).toMatchObject({ origins: ['beacon', 'mdns'] })
    })
  })

  it('a node that stops says goodbye: avahi forgets it at once', async () => {
    await lan.stop(hallB.child)
    expect(hallB.child.exitCode, hallB.log).toBe(0)
    await waitFor(async () => {
      expect(knowsB()).toBe(false)
      const { output } = await avahiBrowse('desk', deskAvahi)
      expect(output).not.toContain('hall-b')
      expect(output).toContain('hall-a')
    })
  })
})

describe('interfaces by name', () => {
  it('are announced on whatever they are, and the others are left alone', async () => {
    await lan.stop(hallA.child)
    hallA = new TestNode(lan, 'hall-a', { interfaces: ['docker0'] })
    const lan0 = () => hallA.latest?.state.interfaces.find((entry) => entry.name === 'lan0')
    await waitFor(() => {
      expect(lan0()).toMatchObject({ announced: false, code: 'not-named' })
      expect(hallA.latest?.state.mdns.links).toEqual([{ name: 'docker0', up: true, problem: null }])
      expect(sentOn('docker0')).toBeGreaterThan(5)
    })
    expect(sentOn('wan0')).toBe(0)
    // A broadcast question on a silent interface reaches the socket all the same; it must not be answered.
    expect(await discoverFrom('desk', { timeoutMs: 1_500, find: 1 })).toEqual([])
  })
})
