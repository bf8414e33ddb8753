import { expect, test } from 'vitest'
import { TestCluster, type TestEtcdNode, until } from './etcd-fixture.ts'
import { joiningInMs } from './etcd-log.ts'

test('what three nodes write at once is in one order everywhere, each once, with equal chains', async () => {
  await using cluster = await TestCluster.start(3)
  await cluster.populate()
  const sends = cluster.nodes.flatMap((node, n) =>
    Array.from({ length: 300 }, (_, i) => node.send(`m${n}-${i}`)),
  )
  const seqs = await Promise.all(sends)
  expect(new Set(seqs).size).toBe(900)
  await cluster.settled()
  const [first, ...others] = cluster.nodes.map((node) => node.messages())
  expect(first).toHaveLength(900)
  for (const messages of others) expect(messages).toEqual(first)
  expect(new Set(cluster.nodes.map((node) => node.log.chain)).size).toBe(1)
  // One origin's messages keep the order in which it proposed them.
  for (let n = 0; n < 3; n += 1)
    expect(first?.filter((id) => id.startsWith(`m${n}-`))).toEqual(
      Array.from({ length: 300 }, (_, i) => `m${n}-${i}`),
    )
})

test('the end of any etcd loses nothing and doubles nothing', async () => {
  await using cluster = await TestCluster.start(3)
  await cluster.populate()
  const acknowledged = new Set<string>()
  let stop = false
  const writers = cluster.nodes.map(async (node, n) => {
    for (let i = 0; !stop; i += 1) {
      const id = `w${n}-${i}`
      // A client asks again with the same id until it is told.
      for (let told = false; !told && !stop; ) {
        told = await node.send(id).then(
          () => true,
          () => false,
        )
        if (told) acknowledged.add(id)
        else await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  })
  for (const node of cluster.nodes) {
    const before = acknowledged.size
    process.kill(node.log.etcdPid as number, 'SIGKILL')
    await until('writing goes on', () => acknowledged.size > before + 200)
    await until('its etcd is back', () => node.log.writable)
  }
  stop = true
  await Promise.all(writers)
  await cluster.settled()
  const lists = cluster.nodes.map((node) => node.messages())
  for (const list of lists) {
    expect(list).toEqual(lists[0])
    expect(new Set(list).size).toBe(list.length)
    const have = new Set(list)
    expect([...acknowledged].filter((id) => !have.has(id))).toEqual([])
  }
  expect(new Set(cluster.nodes.map((node) => node.log.chain)).size).toBe(1)
}, 120_000)

test('a node that was away catches up by the log, and by another node when the log was cut', async () => {
  await using cluster = await TestCluster.start(3)
  await cluster.populate()
  const [one, two, three] = cluster.nodes
  if (one === undefined || two === undefined || three === undefined) throw new Error('three nodes')
  await three.log.stop()
  // More entries than a node takes from etcd before it has applied some.
  const alone = async (node: TestEtcdNode, name: string) => {
    for (let i = 0; i < 300; i += 1) await node.send(`${name}${i}`)
  }
  await Promise.all([alone(one, 'away'), alone(two, 'too')])
  await three.restart()
  await until('it has caught up', () => three.log.index === one.log.index)
  expect(three.messages()).toEqual(one.messages())
  expect(three.restores).toEqual([])

  await three.log.stop()
  await Promise.all(Array.from({ length: 50 }, (_, i) => one.send(`cut${i}`)))
  await one.log.client.compact(one.log.revision)
  await three.restart()
  await until('it asks for a state', () => three.restores.length > 0)
  expect(three.log.writable).toBe(false)
  await expect(three.send('x')).rejects.toMatchObject({ code: 'no-quorum' })
  // Regression: whoever asks it for the newest is not left waiting.
  await expect(three.log.readIndex()).rejects.toThrow('takes its state from another one')
}, 120_000)

test('regression: what comes while a node starts waits until it takes part, and is refused when it can not', async () => {
  await using cluster = await TestCluster.start(3)
  await cluster.populate()
  const [first, second, third] = cluster.nodes as [TestEtcdNode, TestEtcdNode, TestEtcdNode]
  await third.restart()
  expect(third.log.writable).toBe(false)
  await third.send('at the start')
  await cluster.settled()
  expect(first.messages()).toEqual(['at the start'])

  await first.log.stop()
  await third.log.stop()
  await second.restart()
  const alone = second.send('alone')
  second.skippedMs = joiningInMs
  await expect(alone).rejects.toMatchObject({ code: 'no-quorum' })
})
