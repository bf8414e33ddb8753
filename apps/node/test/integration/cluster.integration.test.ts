import { afterAll, beforeAll, expect, test } from 'vitest'
import { decodeJoinCode } from '../../src/cluster/join-code.ts'
import { startCluster, type TestNodes } from '../cluster-harness.ts'
import { eventually, type TestNode } from '../harness.ts'
import { changeClusterDb } from '../node-process.ts'

const minutes = (n: number) => n * 60_000

/** One cluster for the whole file, in the order of the tests: each leaves it whole, but the last. */
let cluster: TestNodes
let channels = 0
beforeAll(async () => {
  cluster = await startCluster(1)
}, minutes(2))
afterAll(() => cluster?.[Symbol.asyncDispose]())

async function newChannel(): Promise<string> {
  channels += 1
  const { id } = await cluster.first.owner.api.channels.create.mutate({
    name: `channel${channels}`,
    kind: 'group',
    members: [cluster.first.owner.id],
  })
  return id
}

async function say(node: TestNode, channel: string, texts: readonly string[]) {
  const client = node.sdk(cluster.first.owner)
  try {
    return await Promise.all(texts.map((text) => client.send(channel, text)))
  } finally {
    client.close()
  }
}

/** How often a node has taken the state of another one. */
const restores = (node: TestNode): number => node.log.split('the state of another node is here').length - 1

const bodies = async (node: TestNode, channel: string): Promise<string[]> =>
  (await cluster.api(node).messages.page.query({ channel, limit: 200 })).entries.map((entry) => entry.body)

test(
  'of two nodes that differ both say so and serve, and no node is taken in until a person has decided',
  async () => {
    const channel = await newChannel()
    const twin = await cluster.join('twin')
    await cluster.settled()
    await twin.stop()
    changeClusterDb(twin.dataDir, "UPDATE applied SET chain = x'00' || substr(chain, 2) WHERE id = 1")
    await twin.startAgain()
    for (const node of [cluster.first, twin])
      await eventually('the alert', async () => {
        await say(twin, channel, ['so it goes'])
        const { alerts } = await cluster.api(node).overview.status.query()
        return alerts.some(({ code, message }) => code === 'chain' && message.includes('cluster remove'))
      })
    const { members } = await cluster.view(cluster.first)
    expect(members.find((member) => !member.self)).toMatchObject({ state: 'online', chainAgrees: false })
    const { code } = await cluster.api(cluster.first).cluster.invite.mutate({})
    const candidate = {
      secret: decodeJoinCode(code).secret,
      nodeId: 'n_00000000000000000009',
      nodeName: 'late',
      version: members[0]?.version ?? '',
      address: '127.0.0.1',
      httpsPort: 1,
      peerPort: 2,
      raftPort: 3,
    }
    await expect(cluster.first.api().cluster.admit.mutate(candidate)).rejects.toMatchObject({
      code: 'busy',
      message: expect.stringContaining('states of the nodes differ'),
    })
    const wrong = members.find((member) => !member.self)
    await cluster.first.owner.api.cluster.remove.mutate({ nodeId: wrong?.nodeId ?? '' })
    cluster.nodes.pop()
    await twin[Symbol.asyncDispose]()
    await cluster.settled()
    await eventually('the alert is over', async () => {
      const { alerts } = await cluster.api(cluster.first).overview.status.query()
      return !alerts.some((alert) => alert.code === 'chain')
    })
  },
  minutes(4),
)

test(
  'a single node becomes a cluster of three and keeps everything; every node serves everything',
  async () => {
    const channel = await newChannel()
    await say(cluster.first, channel, ['alone'])
    const second = await cluster.join('node2')
    const third = await cluster.join('node3')
    await cluster.settled()
    // A session that was opened anywhere is good everywhere, at once.
    const { token } = await second.signIn(cluster.first.owner.name)
    expect((await third.api(token).auth.me.query()).name).toBe(cluster.first.owner.name)
    for (const node of cluster.nodes) await say(node, channel, [`by ${node.port}`])
    await cluster.settled()
    const all = ['alone', ...cluster.nodes.map((node) => `by ${node.port}`)]
    for (const node of cluster.nodes) expect(await bodies(node, channel)).toEqual(all)
    // Membership goes through the leader, and the answer says so.
    const leader = (await cluster.view(third)).leader
    const follower = cluster.nodes[0] as TestNode
    const { by } = await cluster.api(third).cluster.invite.mutate({})
    expect(by.nodeId).toBe(leader)
    expect(by.forwarded).toBe(leader !== (await cluster.view(third)).nodeId)
    // A session that is ended on one node ends on all of them.
    const before = await second.api(token).auth.me.query()
    await follower.owner.api.auth.endSession.mutate({ id: before.sessionId })
    await eventually('the session has ended everywhere', async () => {
      const ended = await Promise.all(
        cluster.nodes.map((node) =>
          node
            .api(token)
            .auth.me.query()
            .then(
              () => false,
              () => true,
            ),
        ),
      )
      return ended.every(Boolean)
    })
  },
  minutes(4),
)

test(
  'a node whose state differs is found out, taken out of service, and restores itself',
  async () => {
    const channel = await newChannel()
    await say(cluster.first, channel, ['before'])
    await cluster.settled()
    const third = cluster.nodes[2] as TestNode
    const before = restores(third)
    await third.stop()
    // As if it had once applied something else.
    changeClusterDb(third.dataDir, "UPDATE applied SET chain = x'00' || substr(chain, 2) WHERE id = 1")
    changeClusterDb(third.dataDir, "UPDATE message SET body = 'changed'")
    await third.startAgain()
    let said = 0
    await eventually('the node has restored itself', async () => {
      said += 1
      await say(cluster.first, channel, [`m${said}`])
      return restores(third) > before
    })
    await cluster.settled()
    expect((await bodies(third, channel))[0]).toBe('before')
    expect(third.log).toMatch(/differs from that of the others/)
    // By the time anybody looks it is over: the audit log keeps it.
    await eventually('it is in the audit log', async () => {
      const { rows } = await cluster
        .api(cluster.first)
        .audit.search.query({ action: 'cluster.node-diverged' })
      return rows.some(({ detail }) => detail.name === 'node3')
    })
  },
  minutes(4),
)

test(
  'a node that the log passed over something for notices it and takes the state of another',
  async () => {
    const channel = await newChannel()
    await say(cluster.first, channel, ['one'])
    await cluster.settled()
    const third = cluster.nodes[2] as TestNode
    const before = restores(third)
    await third.stop()
    // It believes to have seen less of the first node's entries than it has: the next one is not the one that follows.
    changeClusterDb(
      third.dataDir,
      'UPDATE log_position SET versions = (SELECT json_group_object(key, value - 1) FROM json_each(versions)) WHERE id = 1',
    )
    await say(cluster.first, channel, ['two'])
    await third.startAgain()
    await eventually('the node has noticed', async () => restores(third) > before)
    expect(third.log).toMatch(/The log jumps from version/)
    await cluster.settled()
    expect(await bodies(third, channel)).toEqual(['one', 'two'])
  },
  minutes(4),
)

test(
  'every node is restarted in turn while people talk, and no message is refused or lost',
  async () => {
    const channel = await newChannel()
    const client = cluster.first.sdk(cluster.first.owner, { urls: cluster.nodes.map((node) => node.url) })
    const sent: Promise<number>[] = []
    let stop = false
    const talking = (async () => {
      while (!stop) {
        sent.push(client.send(channel, `m${sent.length}`).then(({ seq }) => seq))
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })()
    for (const node of cluster.nodes) {
      await node.restart()
      await cluster.whole()
    }
    stop = true
    await talking
    const seqs = await Promise.all(sent)
    client.close()
    expect(seqs).toEqual(seqs.map((_, i) => i + 1))
    await cluster.settled()
    const last = await bodies(cluster.nodes[2] as TestNode, channel)
    expect(last.at(-1)).toBe(`m${seqs.length - 1}`)
  },
  minutes(5),
)

test(
  'a member is taken out, and a new one takes its place',
  async () => {
    const channel = await newChannel()
    const third = cluster.nodes[2] as TestNode
    await third.kill('SIGKILL')
    const view = await cluster.view(cluster.first)
    const lost = view.members.find((member) => member.name === 'node3')
    await eventually('the loss is noticed', async () =>
      (await cluster.view(cluster.first)).members.some((member) => member.state === 'unreachable'),
    )
    await cluster.first.owner.api.cluster.remove.mutate({ nodeId: lost?.nodeId ?? '' })
    await say(cluster.first, channel, ['two of two'])
    cluster.nodes.pop()
    const fourth = await cluster.join('node4')
    await cluster.settled()
    expect(await bodies(fourth, channel)).toEqual(['two of two'])
    // One more loss would be too much while another is away.
    await fourth.kill('SIGKILL')
    await eventually('the loss is noticed', async () =>
      (await cluster.view(cluster.first)).members.some((member) => member.state === 'unreachable'),
    )
    const { members } = await cluster.view(cluster.first)
    const other = members.find((member) => member.name === 'node2')
    await expect(
      cluster.first.owner.api.cluster.remove.mutate({ nodeId: other?.nodeId ?? '' }),
    ).rejects.toMatchObject({ code: 'conflict' })
    await fourth.startAgain()
    await cluster.settled()
  },
  minutes(5),
)

test(
  'without a majority the rest can be read; a recovery makes one survivor whole and keeps the lost ones out',
  async () => {
    const channel = await newChannel()
    await say(cluster.first, channel, ['kept'])
    await cluster.settled()
    const [first, second, third] = cluster.nodes as [TestNode, TestNode, TestNode]
    const { owner } = first
    expect(await cluster.api(first).cluster.recoveryPlan.query()).toMatchObject({ possible: false })
    await second.kill('SIGKILL')
    await third.kill('SIGKILL')
    await eventually(
      'the survivor says that it cannot write',
      async () => !(await cluster.view(first)).writable,
    )
    await expect(
      owner.api.channels.create.mutate({ name: 'more', kind: 'group', members: [] }),
    ).rejects.toMatchObject({ code: 'no-quorum' })
    expect(await bodies(first, channel)).toEqual(['kept'])
    const plan = await owner.api.cluster.recoveryPlan.query()
    expect(plan).toMatchObject({ possible: true, knownLoss: 0 })
    await expect(
      owner.api.cluster.recover.mutate({ confirm: 'Elsewhere', index: plan.index }),
    ).rejects.toMatchObject({ code: 'bad-request' })
    await owner.api.cluster.recover.mutate({ confirm: 'Testbed', index: plan.index })
    await eventually('it goes on alone', async () => {
      const view = await cluster.view(first).catch(() => null)
      return view?.writable === true && view.members.length === 1
    })
    await say(first, channel, ['alone'])
    expect(await bodies(first, channel)).toEqual(['kept', 'alone'])
    // A client that was given more by the lost ones goes back to what is left, and passes over nothing.
    const ahead = first.sdk(owner, {
      since: { [channel]: 3 },
      branch: '0',
      follow: ({ id }) => id === channel,
    })
    const told: unknown[] = []
    ahead.on('branch', ({ undone }) => void told.push(...undone))
    const next = await ahead.entries().next()
    expect(next.value).toMatchObject({ seq: 2, body: 'alone' })
    expect(told).toEqual([{ channel, from: 2, to: 3 }])
    ahead.close()
    const recovered = await owner.api.audit.search.query({ action: 'cluster.recovered' })
    expect(recovered.rows[0]).toMatchObject({ actorName: owner.name })
    // The others come back: they have a majority of a cluster that is over, and must not go on beside the new one.
    await second.startAgain()
    await eventually('the lost one knows that it is out', async () =>
      /recovered without this node|taken out/.test(second.log),
    )
    await expect(cluster.view(second)).rejects.toThrow()
  },
  minutes(5),
)
