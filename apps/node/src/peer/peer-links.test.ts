import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { Clock } from '../platform/clock.ts'
import { TestClock } from '../trust/test-clock.ts'
import { peerBounds } from './bounds.ts'
import { ClockSkew } from './clock-skew.ts'
import { OutgoingQueue } from './outgoing-queue.ts'
import { generation, TestPeer, until } from './peer-fixture.ts'
import { generationHeader, peerPaths } from './peer-protocol.ts'
import { peerConnection } from './peer-tls.ts'

/** Nodes that know each other and hold channels to each other. */
async function cluster(count: number, clocks: Clock[] = []) {
  const peers: TestPeer[] = []
  for (let n = 1; n <= count; n++) {
    const clock = clocks[n - 1]
    peers.push(await TestPeer.start(n, clock ? { clock } : {}))
  }
  for (const peer of peers) {
    const others = peers.filter((other) => other !== peer)
    peer.knows(...others).links.setPeers(others.map((other) => other.address))
  }
  return {
    peers,
    allUp: () =>
      until('all are connected', () =>
        peers.every((peer) => peer.links.state().every((each) => each.connected && each.heard)),
      ),
    async [Symbol.asyncDispose]() {
      for (const peer of peers) await peer[Symbol.asyncDispose]()
    },
  }
}

const at = (peers: TestPeer[], i: number): TestPeer => peers[i] as TestPeer

describe('links between members', () => {
  it('carry what one says to all others, in order, and what is for one to that one', async () => {
    await using nodes = await cluster(3)
    const heard: unknown[][] = [[], [], []]
    nodes.peers.forEach((peer, i) => {
      peer.links.on('word', (payload, from) => heard[i]?.push([payload, from]))
    })
    await nodes.allUp()
    const first = at(nodes.peers, 0)
    for (let i = 0; i < 100; i++) first.links.send('word', { i })
    first.links.send('unknown', {})
    first.links.sendTo(at(nodes.peers, 2).nodeId, 'word', 'only you')
    await until('all is heard', () => heard[1]?.length === 100 && heard[2]?.length === 101)
    const expected = Array.from({ length: 100 }, (_, i) => [{ i }, first.nodeId])
    expect(heard[1]).toEqual(expected)
    expect(heard[2]).toEqual([...expected, ['only you', first.nodeId]])
    expect(heard[0]).toEqual([])
    expect(() => first.links.send('word', 'x'.repeat(peerBounds.frameBytes))).toThrow(RangeError)
  })

  it('know round trip, clock and last sign of life of each member', async () => {
    const ahead: Clock = { now: () => Date.now() + 3600_000, monotonic: () => performance.now() }
    await using nodes = await cluster(2, [{ now: Date.now, monotonic: () => performance.now() }, ahead])
    await nodes.allUp()
    const [first, second] = [at(nodes.peers, 0), at(nodes.peers, 1)]
    await until('both have pinged', () =>
      nodes.peers.every((peer) => peer.links.state().every((each) => each.clockSkewMs !== null)),
    )
    const [seen] = first.links.state()
    const slack = 1000 + (seen?.rttMs ?? 0)
    expect(Math.abs((seen?.clockSkewMs ?? 0) - 3600_000)).toBeLessThan(slack)
    expect(Math.abs((second.links.state()[0]?.clockSkewMs ?? 0) + 3600_000)).toBeLessThan(slack)
    expect(seen).toMatchObject({ nodeId: second.nodeId, problem: null, dropped: 0 })
    expect(seen?.lastSeenAt).toBeGreaterThan(Date.now() - 60_000)
  })

  it('come back by themselves when a member was away, and tell who lacks what', async () => {
    await using nodes = await cluster(2)
    const [first, second] = [at(nodes.peers, 0), at(nodes.peers, 1)]
    const stale: string[] = []
    const gone: string[] = []
    first.links.onStale((nodeId) => stale.push(nodeId))
    first.links.onGone((nodeId) => gone.push(nodeId))
    await nodes.allUp()
    expect(stale).toEqual([second.nodeId])
    await second[Symbol.asyncDispose]()
    await until('the loss is noticed', () => first.links.state()[0]?.connected === false)
    await until('it is told', () => gone.length === 1)
    await using again = await TestPeer.start(2, { material: second.material })
    again.knows(first).links.setPeers([first.address])
    first.links.setPeers([again.address])
    await until('it is back', () => first.links.state().every((each) => each.connected && each.heard))
    expect(stale).toEqual([second.nodeId, second.nodeId])
    expect(gone).toEqual([second.nodeId])
  })

  it('end with membership, in both directions', async () => {
    await using nodes = await cluster(2)
    const [first, second] = [at(nodes.peers, 0), at(nodes.peers, 1)]
    await nodes.allUp()
    first.members.clear()
    first.links.setPeers([])
    expect(first.links.state()).toEqual([])
    await until('the other one is cut off', () => second.links.state()[0]?.problem === 'not-member')
    expect(second.links.state()[0]).toMatchObject({ connected: false, heard: false })
  })

  it('are not opened to another generation, and both learn of it', async () => {
    await using nodes = await cluster(2)
    const [first, second] = [at(nodes.peers, 0), at(nodes.peers, 1)]
    await nodes.allUp()
    first.generation = 'g_2'
    await until('what was open is cut', () => second.links.state()[0]?.connected === false)
    first.links.reload()
    await until('it is refused', () => first.links.state()[0]?.problem === 'foreign-generation')
    expect(first.foreign[0]).toEqual([generation, second.nodeId])
    expect(second.foreign[0]).toEqual(['g_2', first.nodeId])
  })

  it('end when the other side falls silent, and live on with an older channel replaced', async () => {
    await using nodes = await cluster(2)
    const [first, second] = [at(nodes.peers, 0), at(nodes.peers, 1)]
    await nodes.allUp()
    const gone: string[] = []
    first.links.onGone((nodeId) => gone.push(nodeId))
    second.links.stop()
    await until('its channel has ended', () => gone.length === 1)
    const mute = new WebSocket(`wss://127.0.0.1:${first.port}${peerPaths.channel}`, {
      ...peerConnection(second.material, first.nodeId),
      headers: { [generationHeader]: generation },
    })
    const ended = new Promise((resolve) => mute.once('close', resolve))
    await until('it is heard', () => first.links.state()[0]?.heard === true)
    await ended
    await until('it is told', () => gone.length === 2)
  })

  it('close a channel of frames that are none, and survive a listener that fails', async () => {
    await using nodes = await cluster(2)
    const [first, second] = [at(nodes.peers, 0), at(nodes.peers, 1)]
    await nodes.allUp()
    const heard: unknown[] = []
    first.links.on('word', (payload) => {
      heard.push(payload)
      if (payload === 'bad') throw new Error('not this one')
    })
    second.links.send('word', 'bad')
    second.links.send('word', 'good')
    await until('both are heard', () => heard.length === 2)
    const rude = new WebSocket(`wss://127.0.0.1:${first.port}${peerPaths.channel}`, {
      ...peerConnection(second.material, first.nodeId),
      headers: { [generationHeader]: generation },
    })
    const ended = new Promise((resolve) => rude.once('close', resolve))
    await new Promise((resolve) => rude.once('open', resolve))
    for (let i = 0; i <= peerBounds.badFrames; i++) rude.send('[]')
    await ended
  })

  it('notice a line on which everything hangs, and come back when it works again', async () => {
    await using nodes = await cluster(2)
    const [first, second] = [at(nodes.peers, 0), at(nodes.peers, 1)]
    await nodes.allUp()
    const sockets = new Set<Socket>()
    let hangs = false
    const proxy = createServer((from) => {
      const to = connect(second.port, '127.0.0.1')
      for (const [one, other] of [
        [from, to],
        [to, from],
      ] as const) {
        sockets.add(one)
        one.on('error', () => {})
        one.on('data', (chunk) => hangs || other.write(chunk))
        one.on('close', () => hangs || other.destroy())
      }
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const { port } = proxy.address() as AddressInfo
    first.links.setPeers([{ ...second.address, peerPort: port }])
    await until('it goes through the line', () => first.links.state()[0]?.connected === true)
    hangs = true
    await until('it is noticed', () => first.links.state()[0]?.problem === 'timeout')
    expect(first.links.state()[0]?.connected).toBe(false)
    hangs = false
    await until('it is back', () => first.links.state()[0]?.connected === true)
    for (const socket of sockets) socket.destroy()
    proxy.close()
  })

  it("take a node's own standstill for no silence of the others", async () => {
    const clock = new TestClock()
    await using nodes = await cluster(2, [clock])
    const first = at(nodes.peers, 0)
    await nodes.allUp()
    clock.advance(peerBounds.silenceMs * 2)
    await sleep(peerBounds.tickMs * 1.5)
    expect(first.links.state()[0]?.problem).toBeNull()
  })
})

describe('the queue of a channel', () => {
  it('keeps order, is bounded, drops the oldest, and asks for the whole state once it has drained', () => {
    const op = fc.oneof(
      { weight: 3, arbitrary: fc.record({ push: fc.integer({ min: 1, max: 3000 }) }) },
      { weight: 1, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 400 }) }) },
    )
    fc.assert(
      fc.property(fc.array(op, { maxLength: 60 }), (ops) => {
        const sent: number[] = []
        const callbacks: (() => void)[] = []
        let buffered = 0
        let lost = 0
        let next = 0
        const queue = new OutgoingQueue(
          {
            get bufferedAmount() {
              return buffered
            },
            send: (text, done) => {
              sent.push(Number(text))
              buffered += 10_000
              callbacks.push(() => {
                buffered -= 10_000
                done()
              })
            },
          },
          () => {
            lost += 1
          },
        )
        for (const each of ops) {
          if ('push' in each) for (let i = 0; i < each.push; i++) queue.push(String(next++))
          else for (let i = 0; i < each.take; i++) callbacks.shift()?.()
          expect(queue.length).toBeLessThanOrEqual(peerBounds.queueFrames)
        }
        while (callbacks.length > 0) callbacks.shift()?.()
        expect(sent).toEqual([...sent].sort((a, b) => a - b))
        expect(sent.length + queue.dropped).toBe(next)
        expect(lost > 0).toBe(queue.dropped > 0)
        if (next > 0) expect(sent.at(-1)).toBe(next - 1)
      }),
      { numRuns: 50 },
    )
  })
})

describe('the other clock', () => {
  it('is known to within half the shortest round trip, whatever the delays', () => {
    const delay = fc.integer({ min: 0, max: 500 })
    const ping = fc.record({ there: delay, back: delay, held: fc.integer({ min: 0, max: 50 }) })
    fc.assert(
      fc.property(
        fc.integer({ min: -7200_000, max: 7200_000 }),
        fc.array(ping, { minLength: 1, maxLength: peerBounds.clockSamples }),
        (skew, pings) => {
          const clock = new TestClock()
          const known = new ClockSkew(clock)
          let shortest = Number.POSITIVE_INFINITY
          for (const { there, back, held } of pings) {
            const sentAt = clock.monotonic()
            clock.advance(there)
            const received = clock.now() + skew
            clock.advance(held)
            const sent = clock.now() + skew
            clock.advance(back)
            const rttMs = known.add({ sentAt, heardAt: clock.monotonic(), received, sent })
            expect(rttMs).toBe(there + back)
            shortest = Math.min(shortest, rttMs)
          }
          expect(Math.abs((known.skewMs ?? 0) - skew)).toBeLessThanOrEqual(shortest / 2 + 1)
        },
      ),
    )
  })

  it('is known anew at once when one of the two is set', () => {
    let own = 0
    const test = new TestClock()
    const clock: Clock = { now: () => test.now() + own, monotonic: () => test.monotonic() }
    const known = new ClockSkew(clock)
    const ping = (skew: number) => {
      const sentAt = clock.monotonic()
      test.advance(2)
      const received = test.now() + skew
      test.advance(2)
      known.add({ sentAt, heardAt: clock.monotonic(), received, sent: received })
    }
    for (let i = 0; i < 5; i++) ping(0)
    expect(known.skewMs).toBe(0)
    own = 5000
    expect(known.skewMs).toBe(-5000)
    ping(3600_000)
    expect(known.skewMs).toBe(3600_000 - 5000)
  })
})
