/** The commands about a cluster, as an operator types them, over real nodes on loopback. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClusterMember, ClusterView, RecoveryPlan } from '@holdfast/api/cluster-services'
import { openDatabase } from '@holdfast/db'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { newPorts, portFlags, TestNodes } from '../../test/cluster-harness.ts'
import { command } from '../../test/command.ts'
import { eventually, ownerName, startNode, type TestNode, testPassword } from '../../test/harness.ts'
import { changeClusterDb, type Finished, holdfast } from '../../test/node-process.ts'

const address = '127.0.0.1'
/** Hang guard: several nodes start and join within one test. */
const guardMs = 240_000

let folder: string
let cluster: TestNodes

/** The command, with the owner's login. */
const run = (...args: string[]): Promise<Finished> =>
  holdfast(args, { env: { XDG_CONFIG_HOME: join(folder, 'home') } })

async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringMatching(/^holdfast:/m) })
  return stdout
}

async function json<T>(...args: string[]): Promise<T> {
  return JSON.parse(await done(...args, '--json')) as T
}

const refused = (message: RegExp | string) => ({
  code: 1,
  stderr: typeof message === 'string' ? `holdfast: ${message}\n` : expect.stringMatching(message),
})

/** Whether it writes or not. */
async function status(node: TestNode = cluster.first): Promise<ClusterView> {
  const { stdout } = await run('cluster', 'status', '--url', node.url, '--json')
  return JSON.parse(stdout) as ClusterView
}

async function openInvitations(): Promise<ClusterView['invitations']> {
  const { invitations } = await status()
  return invitations.filter((each) => each.usedAt === null && each.expiresAt > Date.now())
}

const invite = async (): Promise<{ id: string; code: string }> => json('cluster', 'invite')

/** `holdfast cluster join` with this code, in a folder of its own. */
function joinWith(code: string, name = 'stranger'): Promise<Finished> {
  const file = join(folder, 'code')
  writeFileSync(file, code, { mode: 0o600 })
  const data = mkdtempSync(join(folder, `${name}-`))
  return run('cluster', 'join', '--code-file', file, '--data', data, '--node', name, '--address', address)
}

async function memberOf(node: TestNode): Promise<ClusterMember> {
  const found = (await status(node)).members.find((member) => member.self)
  if (found === undefined) throw new Error(`${node.url} is no member`)
  return found
}

async function leaderNode(): Promise<TestNode> {
  return eventually('a leader', async () => {
    for (const node of cluster.nodes) if ((await memberOf(node)).leader) return node
    return null
  })
}

/** It is stopped and belongs to the cluster no more. */
async function forget(node: TestNode): Promise<void> {
  cluster.nodes.splice(cluster.nodes.indexOf(node), 1)
  await node[Symbol.asyncDispose]()
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-cluster-'))
  const ports = await newPorts()
  const first = await startNode({
    dataDir: join(folder, 'node1'),
    port: ports.https,
    flags: portFlags(ports),
  })
  cluster = new TestNodes(folder, [first])
  writeFileSync(join(folder, 'ca.pem'), first.ca)
  writeFileSync(join(folder, 'password'), `${testPassword}\n`, { mode: 0o600 })
  const who = ['--user', ownerName, '--password-file', join(folder, 'password')]
  await done('login', '--url', first.url, ...who, '--ca', join(folder, 'ca.pem'))
})

afterEach(({ task }) => {
  if (task.result?.state !== 'fail') return
  for (const node of cluster.nodes) console.error(`log of ${node.url}:\n${node.log.slice(-6000)}`)
})

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

test('a single node says what it is, and becomes a cluster once', async () => {
  expect(await done('cluster', 'status')).toContain('node1 is a single node')
  expect(await run('cluster', 'invite')).toMatchObject(refused(/make it a cluster first/))
  const made = await done('cluster', 'create', '--address', address)
  expect(made).toContain(`node1 is the first member of a cluster, at ${address}.`)
  expect(await run('cluster', 'create')).toMatchObject(refused(/belongs to a cluster already/))
  expect(await done('cluster', 'status')).toMatch(
    /^Writing: 1 of 1 voter there, 1 needed, the next failure stops the writing; led by node1/,
  )
  expect(await json('status')).toMatchObject({ mode: 'cluster' })
})

test('a code that is wrong, revoked or too old lets nobody in', async () => {
  expect(await run('cluster', 'invite', '--minutes', '0')).toMatchObject({ code: 2 })
  const [revoked, old] = [await invite(), await invite()]
  const listed = await done('cluster', 'invitations')
  expect(listed).toContain(revoked.id)
  expect(listed).not.toContain(revoked.code)
  expect(await done('cluster', 'revoke-invitation', revoked.id)).toContain('is worth nothing any more')
  expect(await done('cluster', 'invitations')).not.toContain(revoked.id)
  expect(await run('cluster', 'revoke-invitation', revoked.id)).toMatchObject(refused(/no open invitation/))

  await cluster.first.stop()
  changeClusterDb(cluster.first.dataDir, 'UPDATE invitation SET expiresAt = createdAt WHERE id = ?', old.id)
  await cluster.first.startAgain()
  await eventually('it writes again', async () => (await run('cluster', 'status')).code === 0)
  expect(await done('cluster', 'invitations')).toMatch(new RegExp(`${old.id}\\s+expired`))

  expect(await joinWith('AAAA-BBBB-CCCC-DDDD-EEEE')).toMatchObject(refused(/no join code/))
  expect(await joinWith('short')).toMatchObject({ code: 2 })
  expect(await joinWith(revoked.code)).toMatchObject(refused(/The invitation is not known here/))
  expect(await joinWith(old.code)).toMatchObject(refused(/The invitation is too old/))
  expect((await status()).members).toHaveLength(1)
})

test(
  'two nodes join at the same time, one after the other; the members are shown as they are',
  async () => {
    await Promise.all([cluster.join('node2'), cluster.join('node3')])
    await cluster.settled()
    const used = (await status()).invitations.find((each) => each.usedBy === 'node2')
    expect(await done('cluster', 'invitations')).toMatch(new RegExp(`${used?.id}\\s+used by node2 at`))
    for (const node of cluster.nodes)
      expect(await done('cluster', 'status', '--url', node.url)).toMatch(
        /^Writing: 3 of 3 voters there, 2 needed, 1 more may fail; led by node\d in term \d+\.\n/,
      )
    const other = cluster.nodes[1] as TestNode
    const { name } = await memberOf(other)
    const lines = await done('cluster', 'status', '--url', other.url)
    expect(lines).toMatch(new RegExp(`^${name} \\*`, 'm'))
    expect(lines.match(/agrees/g)).toHaveLength(2)
  },
  guardMs,
)

test('a code is good once, and a name too', async () => {
  const { code } = await invite()
  expect(await joinWith(code, 'node2')).toMatchObject(
    refused(/A node is called node2 already.*holdfast cluster remove node2/),
  )
  const [open, ...more] = await openInvitations()
  expect(more).toEqual([])
  await done('cluster', 'revoke-invitation', open?.id ?? '')
})

test('a node that is not added for its code leaves no invitation behind', async () => {
  await using stranger = await startNode({ dataDir: mkdtempSync(join(folder, 'stranger-')), setUp: false })
  const file = join(folder, 'setup-code')
  const add = () =>
    run('cluster', 'add', `${address}:${stranger.port}`, '--node', 'late', '--setup-code-file', file)
  writeFileSync(file, 'SHORT')
  expect(await add()).toMatchObject(refused(/has 8 characters/))
  writeFileSync(file, 'AAAA-AAAA')
  expect(await add()).toMatchObject(refused(/is not the one on the screen/))
  expect(await openInvitations()).toEqual([])
})

test('a node that ended in the middle of joining joins again with the same code, and nobody else does', async () => {
  const { code } = await invite()
  const data = mkdtempSync(join(folder, 'interrupted-'))
  const file = join(folder, 'interrupted-code')
  writeFileSync(file, code, { mode: 0o600 })
  const place = ['--address', '127.0.0.9', '--raft-port', '17446']
  const again = () => run('cluster', 'join', '--code-file', file, '--data', data, '--node', 'late', ...place)
  expect(await again()).toMatchObject({ code: 0 })
  expect(await again()).toMatchObject(refused(/holds a node of Testbed already/))
  // As a power cut leaves it between the answer and the note of it.
  const db = openDatabase(join(data, 'node.db'), { role: 'writer' })
  db.exec("DELETE FROM membership; UPDATE identity SET facility = ''")
  db.close()
  expect(await joinWith(code, 'thief')).toMatchObject(refused(/The invitation was used already/))
  expect(await again()).toMatchObject({ code: 0 })
  expect((await status()).members.map((member) => member.name)).toContain('late')
  expect(await done('cluster', 'remove', 'late', '--yes')).toContain('late is no member any more')
  expect(await joinWith(code, 'thief')).toMatchObject(refused(/The invitation was used already/))
})

test('the state is shown again every second, across a restart of the node that is asked, until Ctrl-C', async () => {
  const node = cluster.nodes[2] as TestNode
  const child = spawn(command, ['cluster', 'status', '--watch', '--url', node.url], {
    env: { ...process.env, XDG_CONFIG_HOME: join(folder, 'home') },
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (err += chunk))
  const ended = new Promise((resolve) => child.once('close', resolve))
  const shown = () => out.match(/^Writing: 3 of 3/gm)?.length ?? 0
  await eventually('it is shown again', async () => shown() >= 2)
  await node.stop()
  await eventually('the silence is told', async () => err !== '')
  expect(err).not.toContain('    at ')
  await node.startAgain()
  const before = shown()
  await eventually('it goes on', async () => shown() > before)
  child.kill('SIGINT')
  expect(await ended).toBe(0)
})

test('a node tells the others its new address', async () => {
  const node = cluster.nodes[1] as TestNode
  expect(await run('cluster', 'address', 'https://no', '--url', node.url)).toMatchObject({ code: 2 })
  const { name } = await memberOf(node)
  expect(await done('cluster', 'address', '127.0.0.2', '--url', node.url)).toMatch(
    new RegExp(`^${name} is now reached at 127.0.0.2 \\(done by node\\d \\(leader\\)`),
  )
  await cluster.settled()
  for (const each of cluster.nodes) {
    const { members } = await status(each)
    expect(members.find((member) => member.name === name)?.address).toBe('127.0.0.2')
  }
})

test(
  'a lost node is taken out, and no other one while it is missing',
  async () => {
    const leader = await leaderNode()
    const [lost, kept] = cluster.nodes.filter((node) => node !== leader) as [TestNode, TestNode]
    const names = { lost: (await memberOf(lost)).name, kept: (await memberOf(kept)).name }
    expect(await run('cluster', 'remove', 'node9', '--yes')).toMatchObject(refused(/no member called node9/))
    expect(await run('cluster', 'remove', names.lost)).toMatchObject(refused(/Give --yes/))
    await lost.kill('SIGKILL')
    await eventually('the loss is noticed', async () => (await status(leader)).reachableVoters === 2)
    expect(await done('cluster', 'status')).toMatch(
      new RegExp(`2 of 3 voters there.*the next failure stops the writing[\\s\\S]*${names.lost}: last heard`),
    )
    expect(await run('cluster', 'remove', names.kept, '--yes')).toMatchObject(
      refused(new RegExp(`Without ${names.kept} only 1 of 2 voting nodes would be there`)),
    )
    expect(await done('cluster', 'remove', names.lost, '--yes')).toMatch(
      new RegExp(`^${names.lost} is no member any more \\(done by node\\d \\(leader\\)`),
    )
    await eventually('etcd has two members', async () => (await status(leader)).voters === 2)
    await forget(lost)
    await cluster.settled()
  },
  guardMs,
)

const makeChannel = (node: TestNode, name: string) =>
  cluster.api(node).channels.create.mutate({ name, kind: 'group', members: [] })

async function leaves(node: TestNode): Promise<void> {
  const { name } = await memberOf(node)
  expect(await done('cluster', 'leave', '--yes', '--url', node.url)).toMatch(
    new RegExp(`^${name} is no member any more \\(done by node\\d \\(leader\\)`),
  )
  const rest = cluster.nodes.filter((each) => each !== node)
  await cluster.settled(rest)
  for (const each of rest) await makeChannel(each, `after-${name}-at-${each.port}`)
  await eventually(`${name} knows that it is out`, async () => node.log.includes('was taken out'))
  expect(await run('cluster', 'status', '--url', node.url)).toMatchObject({ code: 1 })
  expect(await run('doctor', '--data', node.dataDir, '--port', String(node.port))).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/WRONG.* cluster: The node serves nobody: .*was taken out/),
  })
  await forget(node)
}

test(
  'a follower leaves, and then the leader; the rest go on',
  async () => {
    await Promise.all([cluster.join('node4'), cluster.join('node5')])
    await cluster.settled()
    const leader = await leaderNode()
    await leaves(cluster.nodes.find((node) => node !== leader && node !== cluster.first) as TestNode)
    await leaves(await leaderNode())
  },
  guardMs,
)

test(
  'after the loss of the majority one survivor goes on alone, when its operator says so',
  async () => {
    const [survivor, lost] = cluster.nodes as [TestNode, TestNode]
    const name = (await memberOf(survivor)).name
    const at = ['--url', survivor.url]
    expect(await run('cluster', 'recover', ...at, '--confirm', 'Testbed')).toMatchObject(
      refused('The cluster has its quorum; nothing needs to be recovered.'),
    )
    await lost.kill('SIGKILL')
    await eventually('it cannot write, and misses the other one', async () => {
      const { writable, reachableVoters } = await status(survivor)
      return !writable && reachableVoters === 1
    })
    const said = await run('cluster', 'status', ...at)
    expect(said).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^READ-ONLY: 1 of 2 voters there, 2 needed/),
    })
    await expect(makeChannel(survivor, 'none')).rejects.toMatchObject({ code: 'no-quorum' })
    expect(await json<RecoveryPlan>('cluster', 'recover', '--plan', ...at)).toMatchObject({
      possible: true,
      knownLoss: 0,
    })
    expect(await done('cluster', 'recover', '--plan', ...at)).toContain(
      'No entry is known that this node has not.',
    )
    expect(await run('cluster', 'recover', ...at)).toMatchObject(refused(/Give --confirm FACILITY/))
    expect(await run('cluster', 'recover', ...at, '--confirm', 'Elsewhere')).toMatchObject(
      refused(/is not the name of the facility/),
    )
    expect(await done('cluster', 'recover', ...at, '--confirm', 'Testbed')).toContain(
      'starts anew as the only member',
    )
    await eventually('it goes on alone', async () => {
      const { code, stdout } = await run('cluster', 'status', ...at)
      return code === 0 && stdout.startsWith('Writing: 1 of 1 voter there')
    })
    await makeChannel(survivor, `alone-${name}`)
    await forget(lost)
    await cluster.join('node6')
    await cluster.settled()
  },
  guardMs,
)
