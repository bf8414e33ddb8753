/** The client against several nodes that share one log and fail in turn. A failing case is printed with its seed. */
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { Entry } from '../contract/frames.ts'
import type { Timing } from './bounds.ts'
import { type Client, type ClientOptions, connect } from './client.ts'
import { NodeList } from './node-list.ts'
import type { SocketLike } from './socket.ts'
import { channelIdOf, type Misbehaviour, type Mode, TestLog, TestServer, wellBehaved } from './test-server.ts'

const quick = { baseMs: 2, maxMs: 30 }
const impatient: Partial<Timing> = {
  staggerMs: 10,
  connectMs: 60,
  connectMaxMs: 200,
  askMs: 20,
  idleMs: 40,
  answerMs: 40,
  blindAnswerMs: 40,
  stallMs: 120,
  discoverAfterMs: 30,
  discoverEveryMs: 30,
}
/** Where one false alarm on a busy machine would spoil the case. */
const calm: Partial<Timing> = {
  ...impatient,
  connectMs: 10_000,
  connectMaxMs: 10_000,
  askMs: 50,
  idleMs: 100,
  answerMs: 1_000,
  blindAnswerMs: 1_000,
  stallMs: 1_000,
}
const openSocket = (url: string): SocketLike => new WebSocket(url) as unknown as SocketLike
const channel = channelIdOf(1)
const hangGuardMs = 30_000

class Cluster implements AsyncDisposable {
  readonly log: TestLog
  readonly servers: TestServer[]
  readonly #clients: Client[] = []

  constructor(log: TestLog, servers: TestServer[]) {
    this.log = log
    this.servers = servers
  }

  static async start(size: number, bad: Misbehaviour = wellBehaved, channels = 1): Promise<Cluster> {
    const log = new TestLog()
    const servers: TestServer[] = []
    for (let i = 0; i < size; i++)
      servers.push(await TestServer.start({ ...bad, seed: bad.seed + i }, channels, log))
    return new Cluster(log, servers)
  }

  get urls(): string[] {
    return this.servers.map((server) => server.url)
  }

  open(options: Partial<ClientOptions> = {}): Client {
    const client = connect({
      urls: this.urls,
      token: 'token',
      openSocket,
      backoff: quick,
      timing: calm,
      begin: 'oldest',
      ...options,
    })
    this.#clients.push(client)
    return client
  }

  at(client: Client): TestServer {
    return this.servers.find((server) => server.url === client.node.url)!
  }

  /** What was committed in a channel. */
  entries(id: string): Entry[] {
    return this.log.commits.filter((entry) => entry.channel === id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close()
    for (const server of this.servers) await server[Symbol.asyncDispose]()
  }
}

const pause = (ms = 2): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause()
}

const mode = fc.constantFrom<Mode>('up', 'up', 'behind', 'mute', 'hung', 'down')
const channelNo = fc.integer({ min: 1, max: 2 })
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('send' as const), channel: channelNo }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('post' as const), channel: channelNo }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('mode' as const), node: fc.nat(4), mode }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), node: fc.nat(4) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 3, 15, 60) }),
  },
)
const misbehaviour: fc.Arbitrary<Misbehaviour> = fc.record({
  seed: fc.nat(),
  cut: fc.constantFrom(0, 0.05),
  duplicate: fc.constantFrom(0, 0.2),
  omit: fc.constantFrom(0, 0.1),
  delay: fc.constantFrom(0, 0.3),
  busy: fc.constantFrom(0, 0.02),
  unsure: fc.constantFrom(0, 0.5),
})

describe('while nodes fail in turn', () => {
  test('nothing acknowledged is lost, nothing comes twice, all in order, and one good node is enough', async () => {
    await fc.assert(
      fc.asyncProperty(
        misbehaviour,
        fc.constantFrom(2, 3, 5),
        fc.array(step, { maxLength: 50 }),
        fc.nat(4),
        async (bad, size, script, survivor) => {
          await using cluster = await Cluster.start(size, bad, 2)
          const { servers } = cluster
          const client = cluster.open({ timing: impatient })
          const seen = new Map<string, number[]>()
          client.on('entry', (entry) => {
            seen.set(entry.channel, [...(seen.get(entry.channel) ?? []), entry.seq])
          })
          const sends: Promise<{ id: string; channel: string; seq: number; body: string }>[] = []
          for (const [i, each] of script.entries()) {
            const body = `text ${i}`
            if (each.do === 'send')
              sends.push(client.send(channelIdOf(each.channel), body).then((ack) => ({ ...ack, body })))
            else if (each.do === 'post') servers[0]!.post(channelIdOf(each.channel), body)
            else if (each.do === 'wait') await pause(each.ms)
            else {
              const server = servers[each.node % size]!
              if (each.do === 'cut') server.cutAll()
              else server.mode = each.mode
            }
          }
          // Who is only behind says nothing of it: an idle client cannot know that there is more elsewhere.
          for (const [i, server] of servers.entries())
            if (i === survivor % size || server.mode === 'behind') server.mode = 'up'
          const acks = await Promise.all(sends)
          const ids = [channelIdOf(1), channelIdOf(2)]
          await until(() => ids.every((id) => (client.positions()[id] ?? 0) === cluster.entries(id).length))
          for (const id of ids) {
            const committed = cluster.entries(id)
            expect(committed.map((entry) => entry.seq)).toEqual(committed.map((_, i) => i + 1))
            expect(seen.get(id) ?? []).toEqual(committed.map((entry) => entry.seq))
          }
          for (const { id, channel: where, seq, body } of acks)
            expect(cluster.entries(where)[seq - 1]).toMatchObject({ id, seq, body })
          expect(cluster.log.commits.length).toBe(
            script.filter((each) => each.do === 'send' || each.do === 'post').length,
          )
        },
      ),
      // A case that hangs is a failure too, and is shown with its seed.
      { numRuns: 100, timeout: hangGuardMs, endOnFailure: true },
    )
  })
})

describe('a node that goes away', () => {
  test.each<Mode>(['down', 'hung'])(
    '%s: the client goes on at another one, without a back-off',
    async (how) => {
      await using cluster = await Cluster.start(3)
      // A back-off that would never end within the test: only another node helps.
      const client = cluster.open({ backoff: { baseMs: 3_600_000, maxMs: 3_600_000 } })
      await client.live()
      const first = cluster.at(client)
      first.mode = how
      const states: string[] = []
      client.on('state', ({ state }) => {
        states.push(state)
      })
      await client.send(channel, 'after')
      expect(cluster.at(client)).not.toBe(first)
      expect(states).not.toContain('waiting')
    },
  )

  test('hung at the first dial: the next one is dialled beside it, and the first to authenticate wins', async () => {
    await using cluster = await Cluster.start(3)
    cluster.servers[0]!.mode = 'hung'
    cluster.servers[1]!.mode = 'hung'
    const client = cluster.open({ timing: { ...calm, connectMs: 3_600_000, connectMaxMs: 3_600_000 } })
    await client.live()
    expect(client.node.url).toBe(cluster.urls[2])
    // Those that lost are given up, also when they answer after all.
    cluster.servers[0]!.mode = 'up'
    await pause(20)
    expect(client.node.url).toBe(cluster.urls[2])
    expect(cluster.servers[0]!.authFrames).toEqual([])
  })

  test('idle, too: silence is asked about', async () => {
    await using cluster = await Cluster.start(2)
    const client = cluster.open()
    await client.live()
    const first = cluster.at(client)
    first.mode = 'hung'
    await until(() => client.state === 'live' && cluster.at(client) !== first)
  })

  test('a node that stores nothing, and says nothing about it, is left', async () => {
    await using cluster = await Cluster.start(2)
    const client = cluster.open()
    await client.live()
    const first = cluster.at(client)
    first.mode = 'behind'
    expect(await client.send(channel, 'x')).toMatchObject({ seq: 1, duplicate: true })
    expect(cluster.at(client)).not.toBe(first)
  })
})

describe('a node that is behind', () => {
  test('entries that the client has are not repeated, and the others come when it catches up', async () => {
    await using cluster = await Cluster.start(2)
    const [ahead, behind] = cluster.servers as [TestServer, TestServer]
    const client = cluster.open()
    const seen: number[] = []
    const failures: Error[] = []
    client.on('failure', (error) => {
      failures.push(error)
    })
    client.on('entry', (entry) => {
      seen.push(entry.seq)
    })
    await client.live()
    ahead.post(channel, 'one')
    await until(() => seen.length === 1)
    behind.mode = 'behind'
    for (const body of ['two', 'three']) ahead.post(channel, body)
    await until(() => seen.length === 3)
    ahead.mode = 'down'
    await until(() => client.state === 'live' && cluster.at(client) === behind)
    await pause(20)
    expect(client.channels.get(channel)!.head).toBe(3)
    behind.mode = 'up'
    behind.post(channel, 'four')
    await until(() => seen.length === 4)
    expect(seen).toEqual([1, 2, 3, 4])
    expect(failures).toEqual([])
  })

  test('a session it does not know yet is tried elsewhere; one that no node knows is over', async () => {
    await using cluster = await Cluster.start(2)
    cluster.servers[0]!.refusal = { code: 'session-ended', closeCode: 4403 }
    const client = cluster.open()
    await client.live()
    expect(client.node.url).toBe(cluster.urls[1])
    cluster.servers[1]!.refusal = { code: 'session-ended', closeCode: 4403 }
    await expect(cluster.open().live()).rejects.toMatchObject({ code: 'session-ended' })
  })

  test('a refusal counts in the end when the others stay away', async () => {
    await using cluster = await Cluster.start(2)
    cluster.servers[0]!.refusal = { code: 'session-ended', closeCode: 4403 }
    cluster.servers[1]!.mode = 'down'
    await expect(cluster.open().live()).rejects.toMatchObject({ code: 'session-ended' })
  })
})

describe('a full disk', () => {
  test('regression: what a node has no room for is stored by another, and no client waits for the room', async () => {
    await using cluster = await Cluster.start(3)
    const client = cluster.open()
    await client.live()
    const full = cluster.at(client)
    full.mode = 'full'
    await Promise.all([client.send(channel, 'one'), client.send(channel, 'two')])
    expect(cluster.at(client)).not.toBe(full)
    expect(client.state).toBe('live')
  })

  test('where every disk is full messages wait, and go as soon as there is room', async () => {
    await using cluster = await Cluster.start(2)
    const client = cluster.open()
    await client.live()
    for (const server of cluster.servers) server.mode = 'full'
    const sent = client.send(channel, 'x')
    await until(() => client.state === 'read-only')
    for (const server of cluster.servers) server.mode = 'up'
    await sent
    await until(() => client.state === 'live')
  })

  test('a single node refuses, and its program is told at once', async () => {
    await using cluster = await Cluster.start(1)
    const client = cluster.open()
    await client.live()
    cluster.servers[0]!.mode = 'full'
    await expect(client.send(channel, 'x')).rejects.toMatchObject({ code: 'disk-full' })
  })
})

describe('without a quorum', () => {
  test('what one node refuses is stored by another', async () => {
    await using cluster = await Cluster.start(3)
    const client = cluster.open()
    await client.live()
    const states: string[] = []
    client.on('state', ({ state }) => {
      states.push(state)
    })
    cluster.at(client).mode = 'mute'
    await client.send(channel, 'x')
    expect(states).not.toContain('read-only')
    expect(states).not.toContain('waiting')
  })

  test('when no node has one the client says so, goes on reading, and sends when it is back', async () => {
    await using cluster = await Cluster.start(3)
    const client = cluster.open()
    await client.live()
    for (const server of cluster.servers) server.mode = 'mute'
    const sent = client.send(channel, 'x')
    let settled = false
    void sent.then(() => {
      settled = true
    })
    await until(() => client.state === 'read-only')
    await client.live()
    expect((await client.history(channel)).entries).toEqual([])
    await pause(50)
    expect(settled).toBe(false)
    cluster.servers[1]!.mode = 'up'
    await sent
    await until(() => client.state === 'live')
  })

  test('whoever connects meanwhile is told, and told when it is over', async () => {
    await using cluster = await Cluster.start(1)
    cluster.servers[0]!.mode = 'mute'
    const client = cluster.open()
    await client.live()
    expect(client.state).toBe('read-only')
    cluster.servers[0]!.mode = 'up'
    await until(() => client.state === 'live')
  })

  test('a message that is taken back says what the nodes said', async () => {
    await using cluster = await Cluster.start(2)
    for (const server of cluster.servers) server.mode = 'mute'
    const client = cluster.open()
    await client.live()
    const sent = client.send(channel, 'x', { signal: AbortSignal.timeout(100) })
    await expect(sent).rejects.toMatchObject({
      code: 'no-quorum',
      message: expect.stringMatching(/may be stored all the same.*There is no quorum\./),
    })
  })
})

describe('the list of nodes', () => {
  afterEach(() => void vi.useRealTimers())

  test('members that a node names are added, and used when the known ones are gone', async () => {
    await using cluster = await Cluster.start(3)
    for (const server of cluster.servers) server.nodes = cluster.urls
    const client = cluster.open({ urls: [cluster.urls[0]!] })
    await client.live()
    expect([...client.nodes].sort()).toEqual([...cluster.urls].sort())
    cluster.servers[0]!.mode = 'down'
    await client.send(channel, 'x')
  })

  test('others are looked for when none of the known ones answers', async () => {
    await using cluster = await Cluster.start(2)
    cluster.servers[0]!.mode = 'down'
    let looks = 0
    const urls = new NodeList([cluster.urls[0]!], {
      backoff: quick,
      discover: async () => (++looks === 1 ? [] : [cluster.urls[1]!]),
    })
    const client = cluster.open({ urls })
    await client.live()
    expect(looks).toBeGreaterThanOrEqual(2)
    // Who gives up soon looks first.
    cluster.servers[1]!.mode = 'down'
    const again = new NodeList([cluster.urls[0]!], { backoff: quick, discover: async () => [] })
    await expect(cluster.open({ urls: again, firstAttempts: 2 }).live()).rejects.toMatchObject({
      code: 'busy',
    })
  })

  test('is bounded, forgets members that left, and never those that were given', () => {
    const nodes = new NodeList(['https://given:1'])
    nodes.learn(Array.from({ length: 40 }, (_, i) => `https://n${i}:1`))
    expect(nodes.urls).toHaveLength(16)
    nodes.learn(['https://n1:1', 'http://plain:1', 'nonsense', 'https://n2:1/path'])
    expect([...nodes.urls].sort()).toEqual(['https://given:1', 'https://n1:1', 'https://n2:1'])
    expect(nodes.best).toBe('https://given:1')
  })

  test('each node has a back-off of its own, and one without quorum comes last', () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const nodes = new NodeList(['https://a:1', 'https://b:1', 'https://c:1'], {
      backoff: { baseMs: 100, maxMs: 100, random: () => 0.5 },
    })
    nodes.failed('https://a:1')
    nodes.refused('https://b:1')
    expect(nodes.ready()).toEqual(['https://c:1', 'https://b:1'])
    expect(nodes.waitMs()).toBe(0)
    for (const url of ['https://b:1', 'https://c:1']) nodes.failed(url)
    expect(nodes.ready()).toEqual([])
    expect(nodes.waitMs()).toBe(50)
    vi.advanceTimersByTime(51)
    expect(nodes.ready()).toHaveLength(3)
    nodes.answered('https://c:1')
    expect(nodes.best).toBe('https://c:1')
  })
})
