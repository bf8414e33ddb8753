/** Nodes of a cluster for tests: real etcd, real databases, no HTTP. Every node is on loopback with ports of its own. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clusterMigrations, migrate, openDatabase } from '@holdfast/db'
import { systemClock } from '../../platform/clock.ts'
import { createLogger } from '../../platform/logger.ts'
import { commandTypes, systemActor } from '../../state/commands.ts'
import type { Trust } from '../../trust/files.ts'
import { adoptInterconnect, createInterconnect, interconnectPaths } from '../../trust/interconnect.ts'
import type { Commit } from '../log.ts'
import { channelId, personId } from '../log-fixture.ts'
import { Proposer } from '../proposer.ts'
import { findEtcd } from './etcd-binary.ts'
import { EtcdLog, type EtcdLogOptions } from './etcd-log.ts'

const guardMs = 60_000
const pollMs = 20

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Waits for a condition, within bounds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + guardMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`It never came to this: ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}

interface Place {
  nodeId: string
  folder: string
  clientPort: number
  raftPort: number
}

export class TestEtcdNode {
  readonly place: Place
  log: EtcdLog
  commits: Commit[] = []
  restores: string[] = []
  /** Time that a test lets pass at once. */
  skippedMs = 0
  proposer: Proposer
  private readonly make: () => EtcdLog

  constructor(place: Place, make: (node: TestEtcdNode) => EtcdLog) {
    this.place = place
    this.make = () => make(this)
    this.log = this.make()
    this.proposer = new Proposer(this.log)
  }

  async start(): Promise<void> {
    this.log.onCommit((commit) => this.commits.push(commit))
    await this.log.start()
  }

  async restart(): Promise<void> {
    await this.log.stop()
    this.commits = []
    this.log = this.make()
    this.proposer = new Proposer(this.log)
    await this.start()
  }

  send(id: string, body = id): Promise<unknown> {
    return this.proposer.proposeEncoded(JSON.stringify([commandTypes.message, 1, 1, id, body, 0, null]))
  }

  control(name: string, payload: unknown): Promise<unknown> {
    return this.proposer.proposeEncoded(JSON.stringify([commandTypes.control, name, systemActor, payload]))
  }

  get databaseFile(): string {
    return join(this.place.folder, 'cluster.db')
  }

  /** Client ids by sequence in the one channel. */
  messages(): string[] {
    const db = openDatabase(this.databaseFile, { role: 'reader' })
    try {
      return db.prepare('SELECT clientId FROM message ORDER BY key').pluck().all() as string[]
    } finally {
      db.close()
    }
  }
}

/** A cluster that begins with all its members at once. */
export class TestCluster implements AsyncDisposable {
  readonly nodes: TestEtcdNode[]
  private readonly folder: string

  private constructor(folder: string, nodes: TestEtcdNode[]) {
    this.folder = folder
    this.nodes = nodes
  }

  static async start(size: number): Promise<TestCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-etcd-'))
    const places: Place[] = []
    for (let n = 1; n <= size; n += 1) {
      const place = {
        nodeId: `n_${String(n).padStart(20, '0')}`,
        folder: join(folder, `node${n}`),
        clientPort: await freePort(),
        raftPort: await freePort(),
      }
      mkdirSync(place.folder)
      places.push(place)
    }
    const names = { hostnames: ['localhost'], ipAddresses: ['127.0.0.1'], nowMs: Date.now() }
    let first: Trust | null = null
    const nodes: TestEtcdNode[] = []
    for (const place of places) {
      const request = { ...names, nodeName: place.nodeId }
      const trust: Trust =
        first === null
          ? await createInterconnect(place.folder, { ...request, facility: 'Testbed' })
          : await adoptInterconnect(place.folder, first.authority, request)
      first ??= trust
      const writer = openDatabase(join(place.folder, 'cluster.db'), { role: 'writer' })
      migrate(writer, clusterMigrations)
      writer.close()
      nodes.push(new TestEtcdNode(place, (node) => new EtcdLog(optionsOf(place, places, trust, node))))
    }
    const cluster = new TestCluster(folder, nodes)
    await Promise.all(nodes.map((node) => node.start()))
    await until('every node writes', () => nodes.every((node) => node.log.writable))
    return cluster
  }

  get first(): TestEtcdNode {
    return this.nodes[0] as TestEtcdNode
  }

  async populate(): Promise<void> {
    await this.first.control('person.add', {
      id: personId,
      name: 'anna',
      displayName: 'Anna',
      role: 'member',
      kind: 'person',
      passwordHash: null,
      mustChange: false,
    })
    await this.first.control('channel.create', {
      id: channelId,
      kind: 'group',
      name: 'ops',
      topic: '',
      directKey: null,
      retentionDays: null,
      members: [personId],
      groups: [],
    })
    await this.settled()
  }

  /** Waits until all nodes have applied the same. */
  async settled(): Promise<void> {
    await until('all nodes are equal', () => {
      const indexes = new Set(this.nodes.map((node) => node.log.index))
      return indexes.size === 1
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.log.stop()))
    rmSync(this.folder, { recursive: true })
  }
}

function optionsOf(place: Place, places: readonly Place[], trust: Trust, node: TestEtcdNode): EtcdLogOptions {
  const paths = interconnectPaths(place.folder)
  const url = (p: Place) => `https://127.0.0.1:${p.raftPort}`
  return {
    databaseFile: join(place.folder, 'cluster.db'),
    nodeId: place.nodeId,
    version: '0.0.0',
    generation: '1-test',
    adopts: 'founder',
    retired: false,
    clientPort: place.clientPort,
    credentials: {
      ca: trust.authority.certificate,
      certificate: trust.node.certificate,
      key: trust.node.key,
    },
    process: {
      binary: findEtcd(null).path,
      folder: join(place.folder, 'etcd'),
      name: place.nodeId,
      peerUrl: url(place),
      raftPort: place.raftPort,
      initialCluster: places.map((p) => `${p.nodeId}=${url(p)}`).join(','),
      initialState: 'new',
      clusterToken: 'test',
      forceNew: false,
      heartbeatMs: 100,
      electionMs: 1000,
      keyFile: paths.node,
      authority: trust.authority.certificate,
    },
    clock: { now: systemClock.now, monotonic: () => systemClock.monotonic() + node.skippedMs },
    logger: createLogger({ level: process.env.HOLDFAST_TEST_LOG === undefined ? 'silent' : 'debug' }),
    onFailure: () => {},
    onRestoreNeeded: (reason) => node.restores.push(reason),
    onWritable: () => {},
  }
}
