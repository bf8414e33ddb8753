/** Clients that ask and do not read: they cost the node a bounded memory, and the others nothing. */
import { readFileSync } from 'node:fs'
import { limits } from '@holdfast/api/contract/limits'
import { expect, test } from 'vitest'
import { eventually, type Person, startNode, type TestNode } from '../harness.ts'
import type { RawClient } from '../raw-client.ts'

const body = 'x'.repeat(limits.bodyBytes)
/** What the node may grow by; each of these clients, were it served without bound, would take gigabytes. */
const growthBytes = 300 * 1024 * 1024

/** What TCP's buffers on both sides, and TLS's, take beside the node's own queue. */
const socketBuffersBytes = 16 * 1024 * 1024

function residentBytes(pid: number): number {
  const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) * 1024
}

/** The most that the node's memory came to while something went on. */
async function peakWhile(node: TestNode, work: Promise<unknown>): Promise<number> {
  let peak = 0
  let done = false
  const watching = (async () => {
    while (!done) {
      peak = Math.max(peak, residentBytes(node.pid))
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })()
  await work.finally(() => {
    done = true
  })
  await watching
  return peak
}

/** Sends so many of the largest messages, a few at a time. */
async function flood(client: RawClient, channel: string, count: number): Promise<void> {
  for (let i = 0; i < count; i += 20) {
    await Promise.all(Array.from({ length: Math.min(20, count - i) }, () => client.say(channel, body)))
  }
}

async function setUp(node: TestNode): Promise<{ people: Person[]; channel: string; sender: RawClient }> {
  const people = [await node.newPerson(), await node.newPerson(), await node.newPerson()]
  const channel = await node.newChannel(people)
  return { people, channel, sender: await node.connect(people[0]!) }
}

test('who reads too slowly is told to resync, and gets all of it then', async () => {
  await using node = await startNode()
  const { people, channel, sender } = await setUp(node)
  const [slow, other] = [await node.connect(people[1]!), await node.connect(people[2]!)]
  const count = 1500
  slow.socket.pause()
  await flood(sender, channel, count)
  await other.next('entry', (entry) => entry.seq === count)
  expect(other.all('entry').map((entry) => entry.seq)).toEqual(Array.from({ length: count }, (_, i) => i + 1))
  expect(other.all('resync')).toEqual([])
  slow.socket.resume()
  await slow.next('resync')
  const seen = new Set(slow.all('entry').map((entry) => entry.seq))
  expect(seen.size * limits.bodyBytes).toBeLessThan(limits.connectionQueueBytes + socketBuffersBytes)
  for (let after = Math.max(...seen, 0); after < count; ) {
    const page = await slow.history(channel, { after, limit: 200 })
    for (const { seq } of page.entries) seen.add(seq)
    after = page.entries.at(-1)?.seq ?? count
  }
  expect(seen.size).toBe(count)
})

test.each([
  ['pages', (channel: string, n: number) => ({ t: 'history', id: n, channel, limit: 200 })],
  ['resumes', (channel: string) => ({ t: 'sync', since: { [channel]: 0 } })],
])('regression: who asks for %s and does not read them costs a bounded memory', async (_, frameOf) => {
  await using node = await startNode()
  const { people, channel, sender } = await setUp(node)
  await flood(sender, channel, 200)
  const [greedy, other] = [await node.connect(people[1]!), await node.connect(people[2]!)]
  const before = residentBytes(node.pid)
  greedy.socket.pause()
  const asking = (async () => {
    for (let round = 0; round < 200; round++) {
      const frames = Array.from({ length: limits.framesPerArray }, (_, i) =>
        frameOf(channel, round * 1000 + i),
      )
      greedy.sendText(JSON.stringify(frames))
      if (round % 20 === 0) await other.ping()
    }
    await other.history(channel, { limit: 1 })
    await new Promise((resolve) => setTimeout(resolve, 2000))
  })()
  const peak = await peakWhile(node, asking)
  expect(peak - before).toBeLessThan(growthBytes)
  await other.say(channel, 'still here')
  greedy.terminate()
  await eventually('the connection is forgotten', async () => (await node.status()).sample.connections === 2)
})
