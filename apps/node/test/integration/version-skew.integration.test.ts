/** A cluster that is updated node by node: two versions run side by side, and what only the newer one knows waits. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { newRecoveryKey } from '../../src/services/backup/recovery-key.ts'
import { startCluster } from '../cluster-harness.ts'
import { eventually, type TestNode } from '../harness.ts'
import { pinnedNode } from '../node-process.ts'
import { repoRoot } from '../source-files.ts'

const run = promisify(execFile)
/** The command that the newer version brings. */
const command = 'backup.configure'
const older = '0.1.0'
const newer = '0.2.0'
/** Writes go on for so many messages after each step. */
const messagesBetween = 20
const guardMs = 300_000

/** Makes the daemon of another version for real. @returns words that run it */
async function versionOf(version: string, ...difference: string[]): Promise<readonly string[]> {
  // Beside the ordinary one, from where it finds packages and etcd alike.
  const dist = mkdtempSync(join(repoRoot, 'apps/node', `dist-${version}-`))
  onTestFinished(() => rmSync(dist, { recursive: true, force: true }))
  const bundler = join(repoRoot, 'scripts/lib/bundle.mjs')
  await run(pinnedNode, [bundler, repoRoot, dist, '--version', version, ...difference])
  return [pinnedNode, '--disable-warning=ExperimentalWarning', join(dist, 'bundle/main.mjs')]
}

test('nodes of two versions run together; what needs the newer one waits for the last, and nobody misses a message', {
  timeout: guardMs,
}, async () => {
  const [old, next] = await Promise.all([
    versionOf(older, '--without', command),
    versionOf(newer, '--since', command),
  ])
  await using cluster = await startCluster(3, () => ({ program: old }))
  const { first } = cluster
  const channel = await first.newChannel([])
  const urls = cluster.nodes.map((node) => node.url)
  const client = first.sdk(first.owner, { urls, begin: 'oldest', follow: ({ id }) => id === channel })
  const seqs: number[] = []
  const heard: number[] = []
  client.on('entry', ({ seq }) => void heard.push(seq))
  let stop = false
  const talking = (async () => {
    while (!stop) seqs.push((await client.send(channel, 'so it goes')).seq)
  })()
  // Whatever ends the test early ends the client, too, and is what is to be told.
  talking.catch(() => {})
  const talkGoesOn = () => {
    const wanted = seqs.length + messagesBetween
    return eventually('more messages are acknowledged', async () => seqs.length >= wanted)
  }
  const { recipient } = await newRecoveryKey()
  const setKey = (node: TestNode) => cluster.api(node).backups.setKey.mutate({ version: 0, recipient })
  const runs = async (node: TestNode) =>
    (await cluster.view(node)).members.map((member) => member.version).toSorted()

  // A node of the older version has never heard of it.
  await expect(setKey(first)).rejects.toMatchObject({ message: expect.stringContaining('older version') })
  const { nodes } = cluster
  for (const [done, node] of nodes.toReversed().entries()) {
    node.program = next
    await node.restart()
    await cluster.whole()
    const versions = nodes.map((_, i) => (i < nodes.length - 1 - done ? older : newer))
    await eventually('every node knows who runs what', async () => {
      const told = await Promise.all(nodes.map(runs))
      return told.every((each) => JSON.stringify(each) === JSON.stringify(versions))
    })
    await talkGoesOn()
    if (done === nodes.length - 1) break
    await expect(setKey(node)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(
        `needs version ${newer} on every node of the cluster, and one runs ${older}`,
      ),
    })
    // What both know goes on, whoever is asked.
    for (const each of nodes) {
      const name = `by-${nodes.indexOf(each)}-after-${done}`
      await cluster.api(each).channels.create.mutate({ name, kind: 'group', members: [] })
    }
  }
  // With the last one updated it is switched on, at every node.
  await setKey(nodes[1] as TestNode)
  await talkGoesOn()
  stop = true
  await talking
  await cluster.settled()
  for (const node of nodes)
    expect((await cluster.api(node).backups.status.query()).settings.recipient).toBe(recipient)
  expect(seqs).toEqual(seqs.map((_, i) => i + 1))
  await eventually('every entry is heard', async () => heard.length >= seqs.length)
  expect(heard).toEqual(seqs)
  client.close()
})
