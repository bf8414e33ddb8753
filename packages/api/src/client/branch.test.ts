/** Clients of a facility that goes back to an earlier state: none passes over an entry whose sequence was given before. */
import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { Entry } from '../contract/frames.ts'
import { type BranchChange, type Client, type ClientOptions, connect } from './client.ts'
import type { SocketLike } from './socket.ts'
import { channelIdOf, TestServer, wellBehaved } from './test-server.ts'

const openSocket = (url: string): SocketLike => new WebSocket(url) as unknown as SocketLike
const channels = [channelIdOf(1), channelIdOf(2)]
const [channel = ''] = channels
const open: Client[] = []

afterEach(() => {
  for (const client of open.splice(0)) client.close()
})

function connected(server: TestServer, options: Partial<ClientOptions> = {}): Client {
  const backoff = { baseMs: 2, maxMs: 20 }
  const client = connect({
    urls: [server.url],
    token: 'token',
    openSocket,
    backoff,
    begin: 'oldest',
    ...options,
  })
  open.push(client)
  return client
}

/** What an application makes of the events: by channel, the body at each sequence. */
class Reader {
  readonly bodies = new Map<string, string[]>(channels.map((id) => [id, []]))
  readonly changes: BranchChange[] = []
  positions: Record<string, number> = {}
  branch: string | null = null
  readonly troubles: string[] = []

  follow(client: Client): void {
    client.on('branch', (change) => {
      this.changes.push(change)
      for (const { channel: id, from, to } of change.undone) {
        const known = this.bodies.get(id)!
        if (known.length !== to) this.troubles.push(`${to} is undone of ${known.length} in ${id}`)
        known.length = from - 1
      }
      this.#store(client)
    })
    client.on('entry', (entry) => this.#take(client, entry))
  }

  #take(client: Client, { channel: id, seq, body }: Entry): void {
    const known = this.bodies.get(id)!
    if (seq !== known.length + 1) this.troubles.push(`${seq} came after ${known.length} in ${id}`)
    known[seq - 1] = body
    this.#store(client)
  }

  /** As an application does that goes on after a restart; an entry is stored with its place. */
  #store(client: Client): void {
    this.branch = client.branch
    this.positions = Object.fromEntries([...this.bodies].map(([id, { length }]) => [id, length]))
  }
}

const bodiesOf = (server: TestServer) =>
  new Map(channels.map((id) => [id, server.channels.get(id)!.log.map(({ body }) => body)]))

test('a client whose place was lost is told so, goes back, and passes over nothing', async () => {
  await using server = await TestServer.start(wellBehaved, 2)
  const reader = new Reader()
  const client = connected(server)
  reader.follow(client)
  for (let i = 1; i <= 5; i++) server.post(channel, `first ${i}`)
  await vi.waitFor(() => expect(client.positions()[channel]).toBe(5))

  server.restore('1-a', new Map([[channel, 3]]))
  for (let i = 4; i <= 7; i++) server.post(channel, `second ${i}`)
  await vi.waitFor(() => expect(reader.bodies).toEqual(bodiesOf(server)))
  expect(reader.bodies.get(channel)!.slice(2, 4)).toEqual(['first 3', 'second 4'])
  expect(reader.changes).toEqual([{ branch: '1-a', previous: '0', undone: [{ channel, from: 4, to: 5 }] }])
  expect(reader.troubles).toEqual([])
  expect(client.channels.get(channel)?.head).toBe(7)
  await vi.waitFor(() => expect(server.channels.get(channel)!.delivered).toBe(7))
})

test('a program that stored its places and their branch goes on where both pasts are the same', async () => {
  await using server = await TestServer.start(wellBehaved, 2)
  for (let i = 1; i <= 5; i++) server.post(channel, `first ${i}`)
  server.restore('1-a', new Map([[channel, 3]]))
  for (let i = 4; i <= 9; i++) server.post(channel, `second ${i}`)
  const got: string[] = []
  const client = connected(server, { since: { [channel]: 5 }, branch: '0' })
  client.on('entry', ({ body }) => void got.push(body))
  await vi.waitFor(() => expect(got).toHaveLength(6))
  expect(got[0]).toBe('second 4')
  expect(client.branch).toBe('1-a')

  // Of a branch that the node never heard of, nothing can be taken as the same.
  const all: string[] = []
  connected(server, { since: { [channel]: 5 }, branch: '7-lost' }).on(
    'entry',
    ({ body }) => void all.push(body),
  )
  await vi.waitFor(() => expect(all).toHaveLength(9))
})

test('a change of an entry that is no more is refused, and does not reach the entry in its place', async () => {
  await using server = await TestServer.start(wellBehaved, 1)
  const client = connected(server)
  await client.live()
  await client.send(channel, 'mine')
  await client.send(channel, 'lost')
  server.mode = 'hung'
  const edit = client.edit(channel, 2, 'changed').catch((error: Error) => error)
  const reply = client.send(channel, 'as I said', { reply: 1 })
  server.mode = 'down'
  server.mode = 'up'
  server.restore('1-a', new Map([[channel, 1]]))
  expect(await edit).toMatchObject({ code: 'not-found', message: expect.stringContaining('Entry 2') })
  expect((await reply).seq).toBe(2)
})

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('post' as const), channel: fc.nat({ max: 1 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restore' as const), back: fc.nat({ max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
)

test('whatever is restored and whenever, the application ends with what the facility has', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await using server = await TestServer.start(wellBehaved, 2)
      const reader = new Reader()
      let client = connected(server)
      reader.follow(client)
      await client.live()
      let restores = 0
      const settled = () =>
        vi.waitFor(() => expect(reader.bodies).toEqual(bodiesOf(server)), { timeout: 5000 })
      for (const [i, each] of steps.entries()) {
        if (each.do === 'post') server.post(channels[each.channel]!, `${restores} ${i}`)
        else if (each.do === 'wait') await settled()
        else if (each.do === 'restore') {
          restores += 1
          const heads = channels.map((id) => Math.max(0, server.channels.get(id)!.log.length - each.back))
          server.restore(`${restores}-x`, new Map(channels.map((id, n) => [id, heads[n]!])))
        } else {
          client.close()
          const { positions: since, branch } = reader
          client = connected(server, { since: { ...since }, ...(branch === null ? {} : { branch }) })
          // What it has been given before counts; the new client knows it by its places.
          for (const [id, known] of reader.bodies) known.length = since[id] ?? 0
          reader.follow(client)
        }
      }
      await settled()
      expect(reader.troubles).toEqual([])
      client.close()
    }),
    { numRuns: 60 },
  )
}, 120_000)
