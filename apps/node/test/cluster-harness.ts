/** Clusters of real nodes on loopback: `await using cluster = await startCluster(3)`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Api } from '@holdfast/api/client/api'
import type { ClusterView } from '@holdfast/api/cluster-services'
import { eventually, type NodeOptions, startNode, type TestNode } from './harness.ts'
import { holdfast } from './node-process.ts'

const address = '127.0.0.1'

export interface Ports {
  https: number
  peer: number
  etcd: number
  raft: number
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.listen(0, address, () => {
            const own = server.address()
            if (own === null || typeof own === 'string') reject(new Error('no port'))
            else resolve(own.port)
          })
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

export async function newPorts(): Promise<Ports> {
  const [https = 0, peer = 0, etcd = 0, raft = 0] = await freePorts(4)
  return { https, peer, etcd, raft }
}

export const portFlags = (ports: Ports): string[] => [
  '--peer-port',
  String(ports.peer),
  '--etcd-port',
  String(ports.etcd),
  '--raft-port',
  String(ports.raft),
  '--cluster-address',
  address,
]

export class TestNodes implements AsyncDisposable {
  readonly nodes: TestNode[]
  /** The token of the owner: good at every node, also when the one that made it has left. */
  private readonly ownerToken: string
  private readonly folder: string
  private readonly node: PerNode

  constructor(folder: string, nodes: [TestNode], node: PerNode = () => ({})) {
    this.folder = folder
    this.node = node
    this.nodes = nodes
    this.ownerToken = nodes[0].owner.token
  }

  get first(): TestNode {
    return this.nodes[0] as TestNode
  }

  /** The owner's procedures at a node. */
  api(node: TestNode): Api {
    return node.api(this.ownerToken)
  }

  view(node: TestNode): Promise<ClusterView> {
    return this.api(node).cluster.status.query()
  }

  /** Waits until every running node says that all are online voters at one index. */
  async settled(nodes: readonly TestNode[] = this.nodes): Promise<void> {
    await eventually('every node is up to date', async () => {
      const views = await Promise.all(nodes.map((node) => this.view(node).catch(() => null)))
      return views.every(
        (view) =>
          view?.writable === true &&
          view.voters === nodes.length &&
          view.members.length === nodes.length &&
          view.members.every((member) => member.state === 'online' && member.lag === 0) &&
          view.members[0]?.chain === views[0]?.members[0]?.chain,
      )
    })
  }

  /** Waits until every node takes part, while people may talk. */
  async whole(): Promise<void> {
    await eventually('every node takes part', async () => {
      const views = await Promise.all(this.nodes.map((node) => this.view(node).catch(() => null)))
      return views.every(
        (view) => view?.writable === true && view.members.every((member) => member.state === 'online'),
      )
    })
  }

  /** Adds a node that was never set up, by an invitation. */
  async join(name: string): Promise<TestNode> {
    const { code } = await this.api(this.first).cluster.invite.mutate({})
    const dataDir = join(this.folder, name)
    const codeFile = join(this.folder, `${name}-code`)
    writeFileSync(codeFile, code, { mode: 0o600 })
    const ports = await newPorts()
    const joined = await holdfast(
      ['cluster', 'join', '--code-file', codeFile, '--data', dataDir, '--node', name, '--address', address],
      {
        env: {
          HOLDFAST_PORT: String(ports.https),
          HOLDFAST_PEER_PORT: String(ports.peer),
          HOLDFAST_RAFT_PORT: String(ports.raft),
        },
      },
    )
    if (joined.code !== 0)
      throw new Error(`holdfast cluster join ended with ${joined.code}: ${joined.stderr}`)
    const node = await startNode({
      ...{ setUp: false, dataDir, port: ports.https, flags: portFlags(ports) },
      ...this.node(name),
    })
    this.nodes.push(node)
    return node
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node[Symbol.asyncDispose]()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** What a node of this name runs, and with which variables. */
export type PerNode = (name: string) => Pick<NodeOptions, 'env' | 'program'>

/** A single node that has become a cluster, and others that joined it. */
export async function startCluster(size: number, perNode: PerNode = () => ({})): Promise<TestNodes> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-cluster-'))
  const ports = await newPorts()
  const first = await startNode({
    dataDir: join(folder, 'node1'),
    port: ports.https,
    flags: portFlags(ports),
    ...perNode('node1'),
  })
  const cluster = new TestNodes(folder, [first], perNode)
  try {
    await first.owner.api.cluster.create.mutate({ address })
    await eventually('the first node is a cluster', async () => {
      const view = await cluster.view(first).catch(() => null)
      return view?.mode === 'cluster' && view.writable && view.voters === 1
    })
    for (let n = 2; n <= size; n += 1) await cluster.join(`node${n}`)
    await cluster.settled()
    return cluster
  } catch (error) {
    await cluster[Symbol.asyncDispose]()
    throw error
  }
}
