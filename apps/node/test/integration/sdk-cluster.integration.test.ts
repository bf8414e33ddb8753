/** The SDK against a real cluster whose nodes are killed, stopped and left without a quorum. */
import type { Client } from '@holdfast/api/client/client'
import { expect, test } from 'vitest'
import { startCluster } from '../cluster-harness.ts'
import { eventually, type TestNode } from '../harness.ts'

const guardMs = 8 * 60_000

test(
  'clients live through a killed node, a stopped one and a lost quorum: nothing lost, nothing twice, all in order',
  async () => {
    await using cluster = await startCluster(3)
    const { first, nodes } = cluster
    const { owner } = first
    const { id: channel } = await owner.api.channels.create.mutate({
      name: 'ops',
      kind: 'group',
      members: [owner.id],
    })
    const sender = first.sdk(owner)
    const reader = first.sdk(owner, { begin: 'oldest' })
    const seen: { seq: number; body: string }[] = []
    reader.on('entry', ({ seq, body }) => {
      seen.push({ seq, body })
    })
    await Promise.all([sender.live(), reader.live()])
    // It was given one address; the node named the others.
    expect([...sender.nodes].sort()).toEqual(nodes.map((node) => node.url).sort())
    const nodeOf = (client: Client): TestNode => nodes.find((node) => node.url === client.node.url)!

    const acks: Promise<{ seq: number; body: string }>[] = []
    const send = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const body = `message ${acks.length}`
        acks.push(sender.send(channel, body).then(({ seq }) => ({ seq, body })))
      }
    }
    send(50)
    await acks[10]
    const killed = nodeOf(sender)
    await killed.kill('SIGKILL')
    send(50)
    await Promise.all(acks)
    expect(nodeOf(sender)).not.toBe(killed)
    await killed.startAgain()
    await cluster.settled()

    const stopped = nodeOf(sender)
    process.kill(stopped.pid, 'SIGSTOP')
    try {
      send(50)
      await Promise.all(acks)
      expect(nodeOf(sender)).not.toBe(stopped)
    } finally {
      process.kill(stopped.pid, 'SIGCONT')
    }
    await cluster.settled()

    const away = nodes.filter((node) => node !== nodeOf(sender))
    for (const node of away) await node.kill('SIGKILL')
    send(10)
    await eventually('the client says that nothing can be stored', async () => sender.state === 'read-only')
    for (const node of away) await node.startAgain()
    const stored = await Promise.all(acks)
    await eventually('the state is live again', async () => sender.state === 'live')

    await eventually('the reader has everything', async () => seen.length >= stored.length)
    expect(seen.map(({ seq }) => seq)).toEqual(stored.map((_, i) => i + 1))
    expect([...stored].sort((a, b) => a.seq - b.seq)).toEqual(seen)
  },
  guardMs,
)
