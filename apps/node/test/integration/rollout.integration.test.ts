/**
 * A cluster of three real nodes is updated while people write: real bundles, real daemons that stop and start, the program
 * that root's unit runs. Only dpkg and systemd are stood in for.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkBundle } from '@holdfast/api/client/check-bundle'
import type { RolloutView } from '@holdfast/api/update-services'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BundleWorkshop } from '../../src/appliance/bundle-fixture.ts'
import { LocalNode } from '../../src/appliance/local-node.ts'
import { furnishMachine, setInstalled } from '../../src/appliance/machine-fixture.ts'
import { PackageMachine } from '../../src/appliance/package-machine.ts'
import { type AppliancePaths, appliancePaths } from '../../src/appliance/paths.ts'
import { debianArchitecture } from '../../src/appliance/release.ts'
import { hasRequest, serveRequest } from '../../src/appliance/update-request.ts'
import { UpdateJournal } from '../../src/appliance/update-state.ts'
import { startCluster, type TestNodes } from '../cluster-harness.ts'
import { eventually, type TestNode } from '../harness.ts'

const minutes = (n: number) => n * 60_000
const pollMs = 50
const chunkBytes = 512 * 1024

let workshop: BundleWorkshop
let home: string
let cluster: TestNodes
let machines: Machine[]

/** A Debian machine around a node: what dpkg has installed, and the unit that looks for requests. */
class Machine {
  readonly node: TestNode
  readonly paths: AppliancePaths
  /** A version that this machine cannot run. */
  cannotRun = ''
  #stopped = false
  readonly #unit: Promise<void>
  failure: unknown = null

  constructor(node: TestNode, name: string) {
    this.node = node
    this.paths = {
      ...appliancePaths(rootOf(name)),
      node: node.dataDir,
      uploads: join(node.dataDir, 'updates'),
    }
    this.#unit = this.#watch().catch((error: unknown) => {
      this.failure = error
    })
  }

  get version(): string {
    return JSON.parse(readFileSync(this.paths.release, 'utf8')).version
  }

  get phases(): string[] {
    return new UpdateJournal(this.paths.update).history().map(({ phase, to }) => `${phase} ${to}`)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#unit
    if (this.failure !== null) throw this.failure
  }

  async #watch(): Promise<void> {
    for (; !this.#stopped; await sleep(pollMs))
      if (hasRequest(this.paths)) await serveRequest(this.paths, this.#machine().updater)
  }

  #machine(): PackageMachine {
    const { node, paths } = this
    let runs = true
    return new PackageMachine({
      paths,
      journal: new UpdateJournal(paths.update),
      say: () => {},
      stepMs: pollMs,
      node: {
        readiness: async () =>
          this.version === this.cannotRun
            ? { ready: false, reason: 'a table is missing', final: true }
            : await new LocalNode(paths, node.port).readiness(),
      },
      service: {
        stop: async () => {
          if (runs) await node.stop()
          runs = false
        },
        start: async () => {
          if (!runs) await node.startAgain()
          runs = true
        },
      },
      deb: {
        installed: async () => this.version,
        install: async (file) => setInstalled(paths, { kind: 'package' }, readFileSync(file, 'utf8')),
        pack: async (file) => writeFileSync(file, this.version),
        is: async (file, version) => existsSync(file) && readFileSync(file, 'utf8') === version,
      },
    })
  }
}

const rootOf = (name: string) => join(home, name)

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-rollout-'))
  workshop = await BundleWorkshop.open()
  workshop.vendor('vendor')
  for (const version of ['0.2.0', '0.3.0', '0.4.0']) {
    const files = { [`holdfast_${version}_${debianArchitecture}.deb`]: version }
    workshop.bundle(version, { vendor: 'vendor', version, files })
  }
  const names = ['node1', 'node2', 'node3']
  for (const name of names) furnishMachine(rootOf(name), { kind: 'package' }, workshop.path('vendor-ca.pem'))
  cluster = await startCluster(3, (name) => ({ env: { HOLDFAST_MACHINE_ROOT: rootOf(name) } }))
  machines = cluster.nodes.map((node, n) => new Machine(node, names[n] ?? ''))
}, minutes(3))
afterAll(async () => {
  await Promise.all((machines ?? []).map((machine) => machine.stop()))
  await cluster?.[Symbol.asyncDispose]()
  await workshop?.[Symbol.asyncDispose]()
  rmSync(home, { recursive: true, force: true })
})

/** Uploads to one node, and has it checked. @returns the bundle's id, and what keeps it from being installed */
async function check(node: TestNode, version: string) {
  const { updates } = cluster.api(node)
  const whole = readFileSync(workshop.path(`${version}.raucb`))
  for (let offset = 0; offset < whole.length; offset += chunkBytes)
    await updates.upload.mutate({
      offset,
      data: whole.subarray(offset, offset + chunkBytes).toString('base64'),
    })
  const { id, findings } = await checkBundle(updates)
  return { id, stops: findings.filter(({ level }) => level === 'stop' || level === 'confirm') }
}

/** Uploads to one node, and asks for the update of all. */
async function begin(node: TestNode, version: string): Promise<void> {
  const { id, stops } = await check(node, version)
  expect(stops).toEqual([])
  await cluster.api(node).updates.install.mutate({ id })
}

/** As any node that answers tells it. */
async function rollout(): Promise<RolloutView | null> {
  for (const node of cluster.nodes) {
    const status = await cluster
      .api(node)
      .updates.status.query()
      .catch(() => null)
    if (status !== null) return status.rollout
  }
  return null
}

async function ended(): Promise<RolloutView> {
  return await eventually('the update of the cluster has ended', async () => {
    for (const { failure } of machines) if (failure !== null) throw failure
    const now = await rollout()
    return now !== null && (now.state === 'done' || now.state === 'stopped') ? now : null
  })
}

/** Writes all the time, by whichever node answers. */
async function withWriter(work: () => Promise<void>): Promise<string[]> {
  const channel = await cluster.first.newChannel([cluster.first.owner])
  const urls = cluster.nodes.map(({ url }) => url)
  const client = cluster.first.sdk(cluster.first.owner, { urls })
  const said: string[] = []
  let goesOn = true
  const writing = (async () => {
    for (let n = 0; goesOn; n += 1) {
      await client.send(channel, `${n}`)
      said.push(`${n}`)
      await sleep(20)
    }
  })()
  try {
    await work()
  } finally {
    goesOn = false
    await writing
    client.close()
  }
  const bodies: string[] = []
  for (let after = 0; ; ) {
    const { entries } = await cluster.api(cluster.first).messages.page.query({ channel, after, limit: 200 })
    if (entries.length === 0) break
    bodies.push(...entries.map(({ body }) => body))
    after = entries.at(-1)?.seq ?? 0
  }
  expect(bodies).toEqual(said)
  return said
}

test(
  'all nodes are updated, one after the other, while people write and a leader is killed in the middle; nothing is lost',
  async () => {
    let mostAway = 0
    const said = await withWriter(async () => {
      await begin(cluster.first, '0.2.0')
      await eventually('the first node is asked', async () =>
        (await rollout())?.nodes.some(({ state }) => state !== 'waiting'),
      )
      const { leader } = await cluster.view(cluster.first)
      const views = await Promise.all(cluster.nodes.map((node) => cluster.view(node).catch(() => null)))
      const killed = machines.find((_, n) => views[n]?.nodeId === leader)
      if (killed === undefined) throw new Error('nobody knows the leader')
      await killed.node.kill('SIGKILL')
      await killed.node.startAgain()
      const end = ended()
      void (async () => {
        for (let over = false; !over; await sleep(pollMs)) {
          const trials = machines.filter(({ paths }) => existsSync(paths.trial)).length
          mostAway = Math.max(mostAway, trials)
          over = await Promise.race([end.then(() => true), sleep(0).then(() => false)])
        }
      })()
      expect(await end).toMatchObject({ state: 'done', reason: null })
    })
    expect(said.length).toBeGreaterThan(10)
    expect(mostAway).toBe(1)
    for (const machine of machines) {
      expect(machine.version).toBe('0.2.0')
      expect(machine.phases).toEqual(['installed 0.2.0', 'trial 0.2.0', 'confirmed 0.2.0'])
    }
    await cluster.settled()
  },
  minutes(4),
)

test(
  'a node that does not get healthy goes back by itself and stops it; the audit log tells all of it',
  async () => {
    const sick = machines[1] as Machine
    sick.cannotRun = '0.3.0'
    await withWriter(async () => {
      await begin(cluster.nodes[2] as TestNode, '0.3.0')
      const end = await ended()
      expect(end).toMatchObject({ state: 'stopped', reason: expect.stringContaining('a table is missing') })
      expect(end.nodes.filter(({ state }) => state === 'failed')).toHaveLength(1)
    })
    expect(sick.version).toBe('0.2.0')
    expect(sick.phases.at(-1)).toBe('rolled-back 0.3.0')
    await cluster.settled()
    const actions = new Set<string>()
    await eventually('the audit log tells what every machine did', async () => {
      const { rows } = await cluster.api(cluster.first).audit.search.query({ action: 'update.', limit: 200 })
      for (const { action } of rows) actions.add(action)
      return actions.has('update.rolled-back') && actions.has('update.confirmed')
    })
    for (const action of ['begun', 'asked', 'updated', 'failed', 'done', 'stopped'])
      expect(actions).toContain(`update.rollout-${action}`)
  },
  minutes(3),
)

test(
  'a dead member stops an update before it begins; the two that are left go on with a pause that was confirmed',
  async () => {
    const [first, , third] = cluster.nodes as [TestNode, TestNode, TestNode]
    const { updates } = cluster.api(first)
    const before = await rollout()
    await third.stop()
    await eventually('the others notice', async () => {
      const { members } = await cluster.view(first)
      return members.some(({ name, state }) => name === 'node3' && state === 'unreachable')
    })
    const dead = await check(first, '0.4.0')
    expect(dead.stops).toContainEqual({
      ...{ check: 'members', level: 'stop', found: 'node3 is not there.' },
      mend: 'Bring node3 back, or take it out for good: holdfast cluster remove node3.',
    })
    await expect(updates.install.mutate({ id: dead.id, allowPause: true })).rejects.toThrow(
      'node3 is not there',
    )
    expect(await rollout()).toEqual(before)

    const { members } = await cluster.view(first)
    const nodeId = members.find(({ name }) => name === 'node3')?.nodeId ?? ''
    await cluster.api(first).cluster.remove.mutate({ nodeId })
    await machines.pop()?.stop()
    cluster.nodes.pop()
    await cluster.settled()
    const two = await check(first, '0.4.0')
    expect(two.stops).toMatchObject([{ check: 'quorum', level: 'confirm' }])
    await expect(updates.install.mutate({ id: two.id })).rejects.toThrow(
      'nobody can write while one restarts',
    )
    await withWriter(async () => {
      await updates.install.mutate({ id: two.id, allowPause: true })
      expect(await ended()).toMatchObject({ state: 'done', reason: null })
    })
    expect(machines.map(({ version }) => version)).toEqual(['0.4.0', '0.4.0'])
    await cluster.settled()
  },
  minutes(4),
)
