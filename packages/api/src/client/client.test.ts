import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { closeCodes } from '../contract/frames.ts'
import { limits } from '../contract/limits.ts'
import { type Client, type ClientOptions, connect } from './client.ts'
import type { SocketLike } from './socket.ts'
import { channelIdOf, type Misbehaviour, TestServer, wellBehaved } from './test-server.ts'

const quick = { baseMs: 1, maxMs: 8 }
const openSocket = (url: string): SocketLike => new WebSocket(url) as unknown as SocketLike

function open(server: TestServer, options: Partial<ClientOptions> = {}): Client & Disposable {
  const client = connect({ urls: [server.url], token: 'token', openSocket, backoff: quick, ...options })
  return Object.assign(client, { [Symbol.dispose]: () => client.close() })
}

/** Resolves when every channel has been delivered up to the server's head. */
async function caughtUp(client: Client, server: TestServer): Promise<void> {
  const behind = (): boolean => {
    const positions = client.positions()
    return [...server.channels.values()].some(({ id, log }) => positions[id] !== log.length)
  }
  while (behind()) await new Promise((resolve) => setTimeout(resolve, 2))
}

const misbehaviour: fc.Arbitrary<Misbehaviour> = fc.record({
  seed: fc.integer(),
  cut: fc.constantFrom(0, 0.05, 0.2),
  duplicate: fc.constantFrom(0, 0.3),
  omit: fc.constantFrom(0, 0.1),
  delay: fc.constantFrom(0, 0.5),
  busy: fc.constantFrom(0, 0.02),
})

/** What happens, one step after the other. */
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('send' as const), channel: fc.integer({ min: 1, max: 3 }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('post' as const), channel: fc.integer({ min: 1, max: 3 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), channel: fc.constant(1) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), channel: fc.constant(1) }) },
  ),
  { maxLength: 60 },
)

describe('against a node and a network that misbehave', () => {
  test('entries come in order, each once; every send is stored once, and acknowledged with its own place', async () => {
    await fc.assert(
      fc.asyncProperty(misbehaviour, steps, fc.boolean(), async (bad, script, slow) => {
        await using server = await TestServer.start(bad, 3)
        using client = open(server, { begin: 'oldest' })
        const seen = new Map<string, number[]>()
        client.on('entry', ({ channel, seq }) => {
          seen.set(channel, [...(seen.get(channel) ?? []), seq])
          return slow ? new Promise<void>((resolve) => setImmediate(resolve)) : undefined
        })
        const sends: Promise<{ id: string; channel: string; seq: number; body: string }>[] = []
        for (const [i, step] of script.entries()) {
          const channel = channelIdOf(step.channel)
          const body = `text ${i}`
          if (step.do === 'send') sends.push(client.send(channel, body).then((ack) => ({ ...ack, body })))
          else if (step.do === 'post') server.post(channel, body)
          else if (step.do === 'cut') server.cutAll()
          else await new Promise((resolve) => setImmediate(resolve))
        }
        const acks = await Promise.all(sends)
        await caughtUp(client, server)
        for (const { id, log } of server.channels.values())
          expect(seen.get(id) ?? []).toEqual(log.map((entry) => entry.seq))
        for (const { id, channel, seq, body } of acks)
          expect(server.channels.get(channel)!.log[seq - 1]).toMatchObject({ id, seq, body })
        const mine = [...server.channels.values()].flatMap(({ log }) =>
          log.filter((e) => e.body.startsWith('text')),
        )
        expect(mine.length).toBe(script.filter((step) => step.do === 'send' || step.do === 'post').length)
        expect(new Set(server.received).size).toBe(sends.length)
      }),
      { numRuns: 60 },
    )
  })

  test('a program that was away gets exactly what it missed', async () => {
    await fc.assert(
      fc.asyncProperty(
        misbehaviour,
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 0, max: 40 }),
        async (bad, before, missed) => {
          await using server = await TestServer.start(bad, 1)
          const channel = channelIdOf(1)
          for (let i = 0; i < before; i++) server.post(channel, 'before')
          let since: Record<string, number>
          {
            using first = open(server, { begin: 'oldest' })
            first.on('entry', () => {})
            await first.live()
            await caughtUp(first, server)
            since = first.positions()
          }
          for (let i = 0; i < missed; i++) server.post(channel, 'missed')
          using second = open(server, { since })
          const seen: number[] = []
          second.on('entry', (entry) => {
            seen.push(entry.seq)
          })
          await second.live()
          await caughtUp(second, server)
          expect(seen).toEqual(Array.from({ length: missed }, (_, i) => before + 1 + i))
        },
      ),
      { numRuns: 25 },
    )
  })
})

describe('sending', () => {
  test('a message whose acknowledgement got lost goes out again with the same id and is stored once', async () => {
    await using server = await TestServer.start({ ...wellBehaved, seed: 3, cut: 0.6 }, 1)
    using client = open(server)
    const acks = await Promise.all(Array.from({ length: 20 }, (_, i) => client.send(channelIdOf(1), `m${i}`)))
    expect(new Set(acks.map((ack) => ack.seq)).size).toBe(20)
    expect(server.channels.get(channelIdOf(1))!.log.map((entry) => entry.body)).toEqual(
      Array.from({ length: 20 }, (_, i) => `m${i}`),
    )
    expect(server.connections).toBeGreaterThan(1)
    expect(server.received.length).toBeGreaterThanOrEqual(20)
    expect(new Set(server.received).size).toBe(20)
  })

  test('frames of one tick leave as arrays within the limits', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    using client = open(server, { markDelivered: false })
    await client.live()
    await Promise.all(Array.from({ length: 600 }, () => client.send(channelIdOf(1), 'x')))
    expect(server.arrays).toEqual([
      limits.framesPerArray,
      limits.framesPerArray,
      600 - 2 * limits.framesPerArray,
    ])
  })

  test('a full outbox refuses, and drained tells when it has room', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    using client = open(server, { outboxEntries: 2 })
    const first = [client.send(channelIdOf(1), 'a'), client.send(channelIdOf(1), 'b')]
    await expect(client.send(channelIdOf(1), 'c')).rejects.toMatchObject({ code: 'busy' })
    await client.drained()
    await expect(client.send(channelIdOf(1), 'c')).resolves.toMatchObject({ duplicate: false })
    await Promise.all(first)
  })

  test('what the protocol cannot carry is refused before it is sent', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    using client = open(server)
    await client.live()
    const tooLong = 'ä'.repeat(limits.bodyBytes / 2 + 1)
    for (const body of ['', 'a\u0000b', '\ud800', tooLong])
      await expect(client.send(channelIdOf(1), body)).rejects.toMatchObject({ code: 'bad-request' })
    await expect(client.send(channelIdOf(1), 'x', { id: 'a b' })).rejects.toMatchObject({
      code: 'bad-request',
    })
    expect(server.received).toEqual([])
  })

  test('one id for two different messages is refused; for the same message it is one message', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    using client = open(server)
    const [a, b] = [
      client.send(channelIdOf(1), 'x', { id: 'one' }),
      client.send(channelIdOf(1), 'x', { id: 'one' }),
    ]
    await expect(client.send(channelIdOf(1), 'y', { id: 'one' })).rejects.toMatchObject({ code: 'conflict' })
    expect(await a).toEqual(await b)
    expect(await client.send(channelIdOf(1), 'x', { id: 'one' })).toMatchObject({ seq: 1, duplicate: true })
  })

  test('closing refuses what is not acknowledged and names it', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    using client = open(server, { urls: ['http://127.0.0.1:1'] })
    const sent = client.send(channelIdOf(1), 'x', { id: 'mine' })
    expect(client.unacknowledged()).toMatchObject([{ id: 'mine', body: 'x' }])
    client.close()
    await expect(sent).rejects.toThrow(/mine/)
    expect(server.connections).toBe(0)
  })

  test('an aborted message leaves the outbox', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    using client = open(server, { urls: ['http://127.0.0.1:1'] })
    const abort = new AbortController()
    const sent = client.send(channelIdOf(1), 'x', { signal: abort.signal })
    abort.abort()
    await expect(sent).rejects.toMatchObject({ code: 'conflict' })
    expect(client.unacknowledged()).toEqual([])
    expect(server.connections).toBe(0)
  })
})

describe('the connection', () => {
  test('the next address is tried when one does not answer', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    using client = open(server, { urls: ['http://127.0.0.1:1', server.url] })
    await client.live()
    expect(client.node.url).toBe(server.url)
  })

  test('a revoked session stops for good and says why', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    using client = open(server)
    await client.live()
    const stopped = new Promise((resolve) =>
      client.on('state', (change) => {
        if (change.state === 'stopped') resolve(change.error)
      }),
    )
    server.broadcast({ t: 'error', code: 'device-revoked', message: 'This device was revoked.', fatal: true })
    expect(await stopped).toMatchObject({ code: 'device-revoked', message: 'This device was revoked.' })
    await expect(client.send(channelIdOf(1), 'x')).rejects.toMatchObject({ code: 'device-revoked' })
    expect(server.connections).toBe(1)
  })

  test('the close code alone stops it too', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    using client = open(server)
    await client.live()
    const ended = client.entries().next()
    server.closeAll(closeCodes.revoked, 'revoked')
    await expect(ended).rejects.toMatchObject({ code: 'session-ended' })
  })

  test('a refused login stops at the first attempt', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    server.refusal = { code: 'session-ended', closeCode: closeCodes.unauthenticated }
    using client = open(server)
    await expect(client.live()).rejects.toMatchObject({ code: 'session-ended' })
    expect(server.connections).toBe(1)
  })

  test('a refusal that passes is tried again', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    server.refusal = { code: 'busy', closeCode: closeCodes.tooMany }
    using client = open(server)
    client.on('state', (change) => {
      if (change.state === 'waiting') server.refusal = null
    })
    await client.live()
    expect(server.connections).toBe(2)
  })

  test('gives up after the first attempts when told so', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    using client = open(server, { urls: ['http://127.0.0.1:1'], firstAttempts: 2 })
    await expect(client.live()).rejects.toThrow()
    expect(client.state).toBe('stopped')
    expect(server.connections).toBe(0)
  })

  test('a function is asked for the token at every connection', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    let asked = 0
    using client = open(server, { token: async () => `token-${++asked}` })
    await client.live()
    const again = new Promise<void>((resolve) => {
      client.on('state', (change) => {
        if (change.state === 'live') resolve()
      })
    })
    server.cutAll()
    await again
    expect(server.authFrames.map((frame) => frame.token)).toEqual(['token-1', 'token-2'])
  })
})

describe('receiving', () => {
  test('entries that retention removed are told as a gap', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    const channel = channelIdOf(1)
    for (let i = 0; i < 20; i++) server.post(channel, 'x')
    server.expire(channel, 11)
    using client = open(server, { since: { [channel]: 4 } })
    const gaps: unknown[] = []
    const seen: number[] = []
    client.on('gap', (gap) => {
      gaps.push(gap)
    })
    client.on('entry', (entry) => {
      seen.push(entry.seq)
    })
    await client.live()
    await caughtUp(client, server)
    expect(gaps).toEqual([{ channel, from: 5, to: 10 }])
    expect(seen).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
  })

  test('the loop over entries takes the next one only when it comes back for it', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    const channel = channelIdOf(1)
    using client = open(server, { begin: 'oldest' })
    await client.live()
    for (let i = 0; i < 30; i++) server.post(channel, `${i}`)
    const seen: number[] = []
    for await (const entry of client.entries()) {
      expect(client.positions()[channel]).toBe(entry.seq - 1)
      seen.push(entry.seq)
      if (seen.length === 30) break
    }
    expect(seen).toEqual(Array.from({ length: 30 }, (_, i) => i + 1))
  })

  test('nothing is delivered, and nothing lost, before somebody listens', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    const channel = channelIdOf(1)
    using client = open(server, { begin: 'oldest' })
    await client.live()
    server.post(channel, 'early')
    await client.history(channel)
    const first = await new Promise((resolve) => client.on('entry', resolve))
    expect(first).toMatchObject({ seq: 1, body: 'early' })
  })

  test('a handler that throws is reported and stops nothing', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    using client = open(server, { begin: 'oldest' })
    const failures: Error[] = []
    client.on('failure', (error) => {
      failures.push(error)
    })
    client.on('entry', () => {
      throw new Error('broken handler')
    })
    server.post(channelIdOf(1), 'a')
    server.post(channelIdOf(1), 'b')
    await client.live()
    await caughtUp(client, server)
    expect(failures.map((error) => error.message)).toEqual(['broken handler', 'broken handler'])
  })

  test('delivered and read marks reach the node as high-water numbers, also across a cut', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    const channel = channelIdOf(1)
    for (let i = 0; i < 10; i++) server.post(channel, 'x')
    using client = open(server, { begin: 'oldest' })
    client.on('entry', (entry) => {
      if (entry.seq === 6) client.markRead(channel, 6)
      if (entry.seq === 8) server.cutAll()
    })
    const state = server.channels.get(channel)!
    while (state.delivered !== 10 || state.read !== 6) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(server.marks.length).toBeLessThan(10)
  })

  test('a page of history comes to who asked for it and moves no cursor', async () => {
    await using server = await TestServer.start(wellBehaved, 1)
    const channel = channelIdOf(1)
    for (let i = 0; i < 20; i++) server.post(channel, 'x')
    using client = open(server)
    await client.live()
    const page = await client.history(channel, { before: 10, limit: 3 })
    expect(page.entries.map((entry) => entry.seq)).toEqual([7, 8, 9])
    expect(client.positions()[channel]).toBe(20)
  })
})
