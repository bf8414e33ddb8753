import { join } from 'node:path'
import type { Client } from '@holdfast/api/client/client'
import type { Entry } from '@holdfast/api/contract/frames'
import { openDatabase } from '@holdfast/db'
import { expect, test } from 'vitest'
import { eventually, type Person, startNode, type TestNode } from '../harness.ts'
import { holdfast } from '../node-process.ts'

const kills = 20
const senders = 4
/** Messages of one sender that wait for their acknowledgement. */
const window = 32
/** A kill comes after so many more acknowledgements, so that it meets the node in the middle of its work. */
const acksBetweenKills = { least: 50, most: 600 }

test('killed 20 times under load, a node loses nothing that it acknowledged and doubles nothing', async () => {
  await using node = await startNode()
  const people: Person[] = []
  for (let i = 0; i < senders; i++) people.push(await node.newPerson())
  const channels = [await node.newChannel(people), await node.newChannel(people)]
  const load = new Load(node, people, channels)
  await load.begin()
  for (let i = 0; i < kills; i++) {
    const { least, most } = acksBetweenKills
    const wanted = load.acknowledged.size + least + Math.floor(Math.random() * (most - least))
    await eventually(
      `${wanted} acknowledgements after ${i} kills`,
      async () => load.acknowledged.size >= wanted,
    )
    await node.kill('SIGKILL')
    await node.startAgain()
  }
  await load.end()
  expect(load.troubles).toEqual([])
  for (const channel of channels) {
    const entries = await everything(node, channel)
    const expected = Array.from({ length: entries.length }, (_, i) => i + 1)
    expect(entries.map((entry) => entry.seq)).toEqual(expected)
    const ids = entries.map((entry) => entry.id)
    expect(new Set(ids).size).toBe(ids.length)
    const stored = new Map(entries.map((entry) => [entry.id, entry]))
    const mine = [...load.acknowledged].filter(([, ack]) => ack.channel === channel)
    expect(mine.length).toBeGreaterThan(kills)
    const lost = mine.filter(
      ([id, ack]) => stored.get(id)?.seq !== ack.seq || stored.get(id)?.body !== `body of ${id}`,
    )
    expect(lost).toEqual([])
    // Every message was acknowledged in the end, so nothing else is there.
    expect(ids.toSorted()).toEqual(mine.map(([id]) => id).toSorted())
    expect(load.heard.get(channel)).toEqual(expected)
  }
  await node.stop()
  const db = openDatabase(join(node.dataDir, 'cluster.db'), { role: 'reader' })
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
  db.close()
  const verified = await holdfast(['audit', 'verify', '--data', node.dataDir, '--json'])
  expect({ code: verified.code, stderr: verified.stderr }).toEqual({ code: 0, stderr: '' })
  expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, faults: [] })
})

/** SDK clients that send without pause; the SDK sends again, with the same id, what was not acknowledged. */
class Load {
  readonly acknowledged = new Map<string, { channel: string; seq: number }>()
  /** Sequences that a listener got, by channel, in the order in which they came. */
  readonly heard = new Map<string, number[]>()
  readonly troubles: string[] = []
  readonly #channels: readonly string[]
  readonly #clients: Client[]
  #ending = false
  #talking: Promise<void>[] = []

  constructor(node: TestNode, people: readonly Person[], channels: readonly string[]) {
    this.#channels = channels
    this.#clients = people.map((person) => node.sdk(person, { begin: 'oldest' }))
  }

  async begin(): Promise<void> {
    const [listener] = this.#clients
    listener?.on('entry', ({ channel, seq }) => {
      const list = this.heard.get(channel) ?? []
      list.push(seq)
      this.heard.set(channel, list)
    })
    listener?.on('gap', (gap) => {
      this.troubles.push(`gap ${JSON.stringify(gap)}`)
    })
    for (const client of this.#clients) await client.live()
    this.#talking = this.#clients.flatMap((client, no) =>
      Array.from({ length: window }, (_, lane) => this.#talk(client, `${no}-${lane}`)),
    )
  }

  async end(): Promise<void> {
    this.#ending = true
    await Promise.all(this.#talking)
    await eventually('the last entry', async () => {
      const heard = [...this.heard.values()].reduce((sum, list) => sum + list.length, 0)
      return heard >= this.acknowledged.size
    })
    for (const client of this.#clients) client.close()
  }

  async #talk(client: Client, name: string): Promise<void> {
    for (let i = 0; !this.#ending; i++) {
      const id = `k-${name}-${i}`
      const channel = this.#channels[i % this.#channels.length]!
      try {
        const { seq } = await client.send(channel, `body of ${id}`, { id })
        this.acknowledged.set(id, { channel, seq })
      } catch (error) {
        this.troubles.push(`${id}: ${error}`)
        return
      }
    }
  }
}

/** All entries of a channel, page by page. */
async function everything(node: TestNode, channel: string): Promise<Entry[]> {
  const entries: Entry[] = []
  for (;;) {
    const after = entries.at(-1)?.seq ?? 0
    const page = await node.owner.api.messages.page.query({ channel, after, limit: 200 })
    entries.push(...page.entries)
    if (!page.more) return entries
  }
}
