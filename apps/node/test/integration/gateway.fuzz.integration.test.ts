/**
 * Hostile clients against one node: each of at least 100,000 generated frames is written to a real socket and answered,
 * by a typed error, by what it asked for, or by a close code. Meanwhile two well-behaved clients talk and notice nothing.
 */
import { readFileSync } from 'node:fs'
import type { Client } from '@holdfast/api/client/client'
import { errorStatus } from '@holdfast/api/contract/errors'
import { closeCodes } from '@holdfast/api/contract/frames'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventually, type Person, startNode, type TestNode } from '../harness.ts'
import { nextId, type RawClient } from '../raw-client.ts'
import { frameCount, type Hostile, hostileMessage, write } from './hostile-frames.ts'

const wantedFrames = 100_000
const messagesPerRun = 120
/** Hostile connections at once. */
const attackers = 4
/** What the node may grow by: SQLite's caches, compiled code, and the garbage of one collection. */
const growthBytes = 256 * 1024 * 1024
/** How a node may end a connection: the protocol's own codes, and those of RFC 6455 that ws uses against broken frames. */
const goodCloseCodes: readonly number[] = [...Object.values(closeCodes), 1002, 1007]

test('hostile frames are answered or end their connection; nobody else notices', async () => {
  await using node = await startNode()
  const mallory = await node.newPerson({ name: 'mallory' })
  const [anna, ben] = [await node.newPerson({ name: 'anna' }), await node.newPerson({ name: 'ben' })]
  const quiet = await node.newChannel([anna, ben])
  const channels = [
    await node.newChannel([mallory, anna]),
    await node.newChannel([mallory], 'announcement'),
    quiet,
  ]
  const talk = new Talk(node, { anna, ben }, quiet)
  await talk.begin()
  const before = residentBytes(node.pid)
  let frames = 0
  const arbitrary = fc.record({
    authenticated: fc.boolean(),
    messages: fc.array(hostileMessage(channels), { minLength: messagesPerRun, maxLength: messagesPerRun }),
  })
  const property = fc.asyncProperty(
    fc.tuple(...Array<typeof arbitrary>(attackers).fill(arbitrary)),
    async (runs) => {
      const counts = await Promise.all(
        runs.map((run) => attack(node, run.authenticated ? mallory : null, run.messages)),
      )
      frames += counts.reduce((sum, count) => sum + count, 0)
      expect(talk.troubles).toEqual([])
    },
  )
  while (frames < wantedFrames) await fc.assert(property, { numRuns: 10, endOnFailure: true })
  await talk.end()
  expect(talk.troubles).toEqual([])
  expect(talk.exchanged).toBeGreaterThan(100)
  expect(residentBytes(node.pid) - before).toBeLessThan(growthBytes)
  await eventually(
    'the end of all hostile connections',
    async () => (await node.status()).sample.connections === 0,
  )
  expect(node.log).not.toMatch(/"level":"(error|fatal)"|ERROR|FATAL/)
  const { ok, faults } = await node.owner.api.audit.verify.mutate()
  expect({ ok, faults }).toEqual({ ok: true, faults: [] })
})

/** Writes the messages, on as many connections as it takes; resolves with the number of frames that were answered. */
async function attack(node: TestNode, as: Person | null, messages: readonly Hostile[]): Promise<number> {
  let frames = 0
  let client: RawClient | null = null
  for (const message of messages) {
    client ??= as === null ? await node.raw() : await node.connect(as)
    frames += frameCount(message)
    write(client.socket, message)
    if (await survived(client)) continue
    client = null
  }
  await client?.close()
  return frames
}

/** Whether the connection lives after all that was written; if not, it must have ended in a way the protocol knows. */
async function survived(client: RawClient): Promise<boolean> {
  const id = nextId()
  if (client.socket.readyState === client.socket.OPEN) client.send({ t: 'ping', id })
  const answered = client
    .next('pong', (pong) => pong.id === id)
    .then(
      () => true,
      () => false,
    )
  const alive = await Promise.race([answered, client.closed.then(() => false)])
  for (const { code, message } of client.all('error')) {
    expect(Object.keys(errorStatus)).toContain(code)
    expect(code).not.toBe('internal')
    expect(message.length).toBeGreaterThan(0)
  }
  client.frames.length = 0
  if (!alive) expect(goodCloseCodes).toContain(client.closedWith?.code)
  return alive
}

/** Two people who talk all the time, and whatever they have to complain about. */
class Talk {
  readonly troubles: string[] = []
  exchanged = 0
  readonly #channel: string
  readonly #clients: Client[]
  readonly #heard: number[] = []
  #sent = 0
  #ending = false
  #talking: Promise<void> = Promise.resolve()

  constructor(node: TestNode, people: { anna: Person; ben: Person }, channel: string) {
    this.#channel = channel
    this.#clients = [people.anna, people.ben].map((person) => node.sdk(person, { begin: 'oldest' }))
  }

  async begin(): Promise<void> {
    const [speaker, listener] = this.#clients as [Client, Client]
    listener.on('entry', (entry) => {
      if (entry.channel === this.#channel) this.#heard.push(entry.seq)
    })
    for (const client of this.#clients) {
      await client.live()
      client.on('failure', (error) => this.#complain(`failure: ${error.message}`))
      client.on('gap', (gap) => this.#complain(`gap: ${JSON.stringify(gap)}`))
      client.on('state', (change) => {
        if (!this.#ending) this.troubles.push(`state: ${change.state} ${change.error?.message}`)
      })
    }
    this.#talking = this.#talk(speaker)
  }

  #complain(trouble: string): void {
    this.troubles.push(trouble)
  }

  async #talk(speaker: Client): Promise<void> {
    while (!this.#ending) {
      const { seq } = await speaker.send(this.#channel, `word ${this.#sent}`)
      this.#sent += 1
      if (seq !== this.#sent) this.troubles.push(`message ${this.#sent} got the sequence ${seq}`)
    }
  }

  async end(): Promise<void> {
    this.#ending = true
    await this.#talking
    await eventually('the last word', async () => this.#heard.length >= this.#sent)
    this.exchanged = this.#heard.length
    const expected = Array.from({ length: this.#sent }, (_, i) => i + 1)
    if (JSON.stringify(this.#heard) !== JSON.stringify(expected))
      this.troubles.push('the listener missed or doubled some')
    for (const client of this.#clients) client.close()
  }
}

/** Resident memory of a process (proc(5), VmRSS). */
function residentBytes(pid: number): number {
  const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) * 1024
}
