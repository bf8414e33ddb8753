/** Three nodes that tell each other who is connected to them, over links that come and go. */
import type { PresenceState } from '@holdfast/api/contract/frames'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Connection } from '../../gateway/connection.ts'
import type { Log } from '../../log/log.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Directory } from '../../state/directory.ts'
import { Presence } from './presence.ts'
import { inParts, type PresencePeers } from './presence-peers.ts'
import { remoteGraceMs } from './remote-presence.ts'

const nodeCount = 3
const personCount = 4
const clock: Clock = { now: () => Date.now(), monotonic: () => performance.now() }
const personId = (n: number) => `p_${n}`

interface Link {
  up: boolean
  queue: { kind: string; payload: unknown }[]
}

/** The links between the nodes: in order while they are up, and nothing is kept of what was on the way when one ends. */
class Network {
  readonly nodes: SimulatedNode[] = []
  readonly links = new Map<string, Link>()
  sent = 0

  link(from: number, to: number): Link {
    const key = `${from}>${to}`
    const link = this.links.get(key) ?? { up: false, queue: [] }
    this.links.set(key, link)
    return link
  }

  connect(from: number, to: number): void {
    const link = this.link(from, to)
    if (link.up || from === to) return
    link.up = true
    this.nodes[from]?.stale(this.nodes[to]?.id as string)
  }

  cut(from: number, to: number): void {
    const link = this.link(from, to)
    if (!link.up) return
    link.up = false
    link.queue = []
    this.nodes[to]?.gone(this.nodes[from]?.id as string)
  }

  deliver(from: number, to: number, count: number): void {
    for (const { kind, payload } of this.link(from, to).queue.splice(0, count))
      this.nodes[to]?.hear(kind, payload, this.nodes[from]?.id as string)
  }

  each(work: (from: number, to: number) => void): void {
    for (let from = 0; from < this.nodes.length; from++)
      for (let to = 0; to < this.nodes.length; to++) if (from !== to) work(from, to)
  }

  push(from: number, to: number, kind: string, payload: unknown): void {
    const link = this.link(from, to)
    if (!link.up) return
    this.sent += 1
    link.queue.push({ kind, payload: JSON.parse(JSON.stringify(payload)) })
  }

  /** Time passes, and everything on the way arrives. */
  flow(ms: number): void {
    vi.advanceTimersByTime(ms)
    this.each((from, to) => this.deliver(from, to, Number.POSITIVE_INFINITY))
  }

  /** A node dies and starts anew: it knows nothing, and nobody is connected to it. */
  restart(no: number): void {
    this.each((from, to) => {
      if (from === no || to === no) this.cut(from, to)
    })
    this.nodes[no]?.presence.stop()
    new SimulatedNode(this, no)
  }

  /** Everything works again, for long enough. */
  settle(): void {
    this.each((from, to) => this.connect(from, to))
    for (let i = 0; i < 8; i++) {
      this.each((from, to) => this.deliver(from, to, Number.POSITIVE_INFINITY))
      vi.advanceTimersByTime(remoteGraceMs)
    }
  }
}

class SimulatedNode {
  readonly id: string
  readonly presence: Presence
  readonly connections: Connection[] = []
  stale: (nodeId: string) => void = () => {}
  gone: (nodeId: string) => void = () => {}
  hear: (kind: string, payload: unknown, from: string) => void = () => {}

  constructor(network: Network, no: number, alone = false) {
    this.id = `n_${no}`
    const people = Array.from({ length: personCount }, (_, i) => ({
      id: personId(i),
      status: 'active',
      lastSeenAt: null,
    }))
    const directory = {
      people: new Map(people.map((person) => [person.id, person])),
      devices: new Map(),
      nodes: new Map(Array.from({ length: nodeCount }, (_, i) => [`n_${i}`, { name: `node${i}` }])),
    } as unknown as Directory
    const log = { propose: () => {} } as unknown as Log
    this.presence = new Presence({ directory, log, clock, site: 'main' })
    network.nodes[no] = this
    if (!alone) this.presence.join(this.peers(network, no), { nodeName: `node${no}` })
    this.presence.start()
  }

  connect(person: number, device: number): void {
    const connection = {
      personId: personId(person),
      deviceId: `d_${device}`,
      client: 'test',
      away: false,
      openedAt: performance.now(),
    } as Connection
    this.connections.push(connection)
    this.presence.connected(connection)
  }

  disconnect(which: number): void {
    const [connection] = this.connections.splice(which % (this.connections.length || 1), 1)
    if (connection) this.presence.disconnected(connection)
  }

  toggle(which: number): void {
    const connection = this.connections[which % (this.connections.length || 1)]
    if (connection === undefined) return
    connection.away = !connection.away
    this.presence.changed(connection)
  }

  private peers(network: Network, no: number): PresencePeers {
    return {
      send: (kind, payload) => {
        for (let to = 0; to < network.nodes.length; to++) if (to !== no) network.push(no, to, kind, payload)
      },
      sendTo: (nodeId, kind, payload) => network.push(no, Number(nodeId.slice(2)), kind, payload),
      on: (_, listener) => {
        this.hear = (_kind, payload, from) => listener(payload, from)
      },
      onStale: (listener) => {
        this.stale = listener
      },
      onGone: (listener) => {
        this.gone = listener
      },
    }
  }
}

function simulate(): Network {
  const network = new Network()
  for (let no = 0; no < nodeCount; no++) new SimulatedNode(network, no)
  return network
}

/** What a node shows, without what depends on the order in which it learned of it. */
function view(node: SimulatedNode | undefined, { withAge }: { withAge: boolean }): unknown {
  const shown = (state: PresenceState) => ({
    ...state,
    lastSeenAt: withAge || state.state !== 'offline' ? state.lastSeenAt : 'some time',
    devices: state.devices.map(({ id, state: is, node: on }) => `${on} ${id} ${is}`).sort(),
  })
  return node?.presence.list().map(shown)
}

const op = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      t: fc.constant('connect' as const),
      at: fc.nat(2),
      person: fc.nat(3),
      device: fc.nat(5),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ t: fc.constant('disconnect' as const), at: fc.nat(2), which: fc.nat(9) }),
  },
  { weight: 2, arbitrary: fc.record({ t: fc.constant('toggle' as const), at: fc.nat(2), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ t: fc.constant('seen' as const), at: fc.nat(2), person: fc.nat(3) }) },
  {
    weight: 4,
    arbitrary: fc.record({ t: fc.constant('flow' as const), ms: fc.integer({ min: 500, max: 3000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ t: fc.constant('restart' as const), at: fc.nat(2) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      t: fc.constant('link' as const),
      from: fc.nat(2),
      to: fc.nat(2),
      up: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      t: fc.constant('deliver' as const),
      from: fc.nat(2),
      to: fc.nat(2),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ t: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 70_000 }) }),
  },
)

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 23, 12) })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('presence of a cluster', () => {
  it('comes to the same view on every node, which is true, whatever happened to people and links', () => {
    fc.assert(
      fc.property(fc.array(op, { minLength: 5, maxLength: 60, size: 'max' }), (ops) => {
        const network = simulate()
        network.settle()
        for (const each of ops) {
          if (each.t === 'connect') network.nodes[each.at]?.connect(each.person, each.device)
          else if (each.t === 'disconnect') network.nodes[each.at]?.disconnect(each.which)
          else if (each.t === 'toggle') network.nodes[each.at]?.toggle(each.which)
          else if (each.t === 'seen') network.nodes[each.at]?.presence.seen(personId(each.person), null)
          else if (each.t === 'link' && each.up) network.connect(each.from, each.to)
          else if (each.t === 'link') network.cut(each.from, each.to)
          else if (each.t === 'flow') network.flow(each.ms)
          else if (each.t === 'restart') network.restart(each.at)
          else if (each.t === 'deliver') network.deliver(each.from, each.to, each.count)
          else vi.advanceTimersByTime(each.ms)
        }
        network.settle()
        vi.advanceTimersByTime(60_000)
        network.settle()
        const [first, second, third] = network.nodes
        // A node that dies takes along when it saw those whom it had not told of everywhere.
        const options = { withAge: !ops.some((each) => each.t === 'restart') }
        expect(view(second, options)).toEqual(view(first, options))
        expect(view(third, options)).toEqual(view(first, options))
        const truth = network.nodes.flatMap((node, i) =>
          node.connections.map((c) => `${c.personId} node${i} ${c.deviceId} ${c.away ? 'away' : 'online'}`),
        )
        const told = first?.presence
          .list()
          .flatMap((p) => p.devices.map((d) => `${p.person} ${d.node} ${d.id} ${d.state}`))
        expect(told?.sort()).toEqual(truth.sort())
        const online = new Set(network.nodes.flatMap((node) => node.connections.map((c) => c.personId)))
        expect(first?.presence.onlineCount).toBe(online.size)
        for (const node of network.nodes) node.presence.stop()
      }),
      { numRuns: 300 },
    )
  })

  it('tells of a change on another node within two seconds, and of many at once', () => {
    const network = simulate()
    network.settle()
    const [first, second] = network.nodes
    const heard: string[][] = []
    second?.presence.onChange((people) => heard.push(people.map((p) => `${p.person} ${p.state}`)))
    const before = network.sent
    for (let i = 0; i < 50; i++) {
      first?.connect(1, i)
      first?.connect(2, i)
      first?.disconnect(0)
    }
    vi.advanceTimersByTime(1000)
    expect(network.sent - before).toBe(2)
    network.deliver(0, 1, 10)
    vi.advanceTimersByTime(1000)
    expect(heard).toEqual([['p_1 online', 'p_2 online']])
    expect(second?.presence.of(personId(1))).toBe('online')
    expect(second?.presence.ofDevice({ id: 'd_49', personId: personId(1) })).toBe('online')
    expect(second?.presence.onlineCount).toBe(2)
    for (const node of network.nodes) node.presence.stop()
  })

  it('takes the people of a lost node offline after a while, as of when it was last heard', () => {
    const network = simulate()
    network.nodes[0]?.connect(1, 1)
    network.settle()
    const second = network.nodes[1]?.presence
    const lostAt = Date.now()
    network.cut(0, 1)
    vi.advanceTimersByTime(remoteGraceMs - 1)
    expect(second?.of(personId(1))).toBe('online')
    vi.advanceTimersByTime(1 + 1000)
    expect(second?.list()[1]).toEqual({
      person: personId(1),
      state: 'offline',
      lastSeenAt: lostAt,
      devices: [],
    })
    // A link that comes back in time is not noticed.
    network.connect(0, 1)
    network.deliver(0, 1, 10)
    expect(second?.of(personId(1))).toBe('online')
    network.cut(0, 1)
    vi.advanceTimersByTime(remoteGraceMs / 2)
    network.connect(0, 1)
    network.deliver(0, 1, 10)
    vi.advanceTimersByTime(remoteGraceMs * 2)
    expect(second?.of(personId(1))).toBe('online')
    for (const node of network.nodes) node.presence.stop()
  })

  it('believes a node that is back about when its people were last seen', () => {
    const network = simulate()
    const [first, second] = network.nodes
    first?.connect(1, 1)
    network.settle()
    first?.disconnect(0)
    const seenAt = Date.now()
    vi.advanceTimersByTime(2000)
    network.cut(0, 1)
    vi.advanceTimersByTime(remoteGraceMs)
    expect(second?.presence.list()[1]?.lastSeenAt).toBe(seenAt + 2000)
    network.settle()
    expect(second?.presence.list()[1]?.lastSeenAt).toBe(seenAt)
    for (const node of network.nodes) node.presence.stop()
  })

  it('survives messages that are none, and parts without the rest', () => {
    const network = simulate()
    network.settle()
    const second = network.nodes[1]
    const person = { id: personId(1), seen: 1, devices: [{ id: null, client: '', away: false, since: 1 }] }
    for (const payload of [null, {}, { people: [{}] }, { people: [person], whole: { round: 1 } }])
      second?.hear('presence', payload, 'n_0')
    second?.hear('presence', { people: [person], whole: { round: 9, part: 1, last: true } }, 'n_0')
    second?.hear('presence', { people: [person], whole: { round: 8, part: 0, last: false } }, 'n_0')
    second?.hear('presence', { people: [person], whole: { round: 9, part: 1, last: true } }, 'n_0')
    second?.hear('presence', { people: [person] }, 'n_7')
    expect(second?.presence.onlineCount).toBe(0)
    for (const node of network.nodes) node.presence.stop()
  })

  it('counts an open page of the browser on every node, as long as it lasts', async () => {
    const network = simulate()
    network.settle()
    const [first, second] = network.nodes
    const closing = new AbortController()
    const caller = { personId: personId(1), deviceId: null }
    const page = first?.presence.attend(caller, { away: true }, closing.signal)
    expect(first?.presence.of(personId(1))).toBe('offline')
    await page?.next()
    network.flow(1000)
    expect(first?.presence.of(personId(1))).toBe('away')
    expect(second?.presence.list()[1]?.devices).toMatchObject([{ id: null, name: 'holdfast-browser' }])
    closing.abort()
    expect((await page?.next())?.done).toBe(true)
    network.flow(1000)
    expect(first?.presence.of(personId(1))).toBe('offline')
    expect(second?.presence.of(personId(1))).toBe('offline')
    expect(second?.presence.list()[1]?.lastSeenAt).not.toBeNull()
    for (const node of network.nodes) node.presence.stop()
  })

  it('says nothing of nodes on a single node', () => {
    const node = new SimulatedNode(new Network(), 0, true)
    node.connect(1, 1)
    expect(Object.keys(node.presence.list()[1]?.devices[0] ?? {})).not.toContain('node')
    expect(node.presence.onlineCount).toBe(1)
    node.presence.stop()
  })
})

it('many people go in several messages, each of bounded size, and nobody in one', () => {
  const devices = [{ id: 'd_1', client: 'x'.repeat(200), away: false, since: 1 }]
  const people = Array.from({ length: 2000 }, (_, i) => ({ id: personId(i), seen: 1, devices }))
  const parts = inParts(people)
  expect(parts.length).toBeGreaterThan(1)
  expect(parts.flat()).toEqual(people)
  for (const part of parts) expect(JSON.stringify({ people: part }).length).toBeLessThan(128 * 1024)
  expect(inParts([])).toEqual([[]])
})
