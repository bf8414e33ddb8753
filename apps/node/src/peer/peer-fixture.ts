/** Peer servers and links on loopback for tests, with certificates of a real interconnect authority. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, systemClock } from '../platform/clock.ts'
import { createLogger } from '../platform/logger.ts'
import { createAuthority, createKeyPair, issueNodeCertificate, type KeyedCertificate } from '../trust/ca.ts'
import { PeerClient } from './peer-client.ts'
import { PeerLinks } from './peer-links.ts'
import { PeerServer, type PeerServerOptions } from './peer-server.ts'
import type { PeerMaterial } from './peer-tls.ts'
import type { SnapshotSource } from './snapshot-sender.ts'

export const generation = 'g_1'
export const silent = createLogger({ level: 'silent' })

/** The id of the numbered test node. */
export const nodeIdOf = (n: number): string => `n_${String(n).padStart(20, '0')}`

export function makeInterconnect(name = 'Interconnect'): Promise<KeyedCertificate> {
  return createAuthority({ facility: name, nowMs: Date.now() })
}

/** One authority for all tests of a file: making keys takes time. */
export const interconnect = makeInterconnect()

export async function materialOf(
  nodeId: string,
  authority: KeyedCertificate | Promise<KeyedCertificate> = interconnect,
  trusted: KeyedCertificate | Promise<KeyedCertificate> = authority,
): Promise<PeerMaterial> {
  const { publicKey, privateKey } = createKeyPair()
  const { certificate } = await issueNodeCertificate(await authority, {
    nodeName: nodeId,
    hostnames: [],
    ipAddresses: [],
    publicKey,
    nowMs: Date.now(),
  })
  return { key: privateKey, certificate, authority: (await trusted).certificate }
}

const noSnapshots: SnapshotSource = {
  take: () => Promise.reject(new Error('this test makes no snapshots')),
}

/** A node as its peers see it. */
export class TestPeer implements AsyncDisposable {
  readonly nodeId: string
  readonly members = new Map<string, { name: string }>()
  readonly foreign: [generation: string, nodeId: string][] = []
  generation = generation
  material: PeerMaterial
  readonly links: PeerLinks
  readonly server: PeerServer
  port = 0

  private constructor(nodeId: string, material: PeerMaterial, overrides: TestPeerOptions) {
    this.nodeId = nodeId
    this.material = material
    const common = {
      material: () => this.material,
      generation: () => this.generation,
      onForeignGeneration: (theirs: string, from: string) => void this.foreign.push([theirs, from]),
      logger: silent,
    }
    this.links = new PeerLinks({ ...common, clock: overrides.clock ?? systemClock })
    this.server = new PeerServer({
      ...common,
      host: '127.0.0.1',
      port: 0,
      memberOf: (id) => this.members.get(id) ?? null,
      status: () => ({ nodeId }),
      calls: {},
      snapshots: noSnapshots,
      acceptChannel: (socket, from) => this.links.accept(socket, from.nodeId),
      recheckMs: 20,
      ...overrides.server,
    })
  }

  static async start(n: number, overrides: TestPeerOptions = {}): Promise<TestPeer> {
    const nodeId = nodeIdOf(n)
    const peer = new TestPeer(nodeId, overrides.material ?? (await materialOf(nodeId)), overrides)
    peer.port = (await peer.server.start()).port
    peer.links.start()
    return peer
  }

  get address() {
    return { nodeId: this.nodeId, address: '127.0.0.1', peerPort: this.port }
  }

  /** Takes the other one for a member. */
  knows(...others: { nodeId: string }[]): this {
    for (const { nodeId } of others) this.members.set(nodeId, { name: nodeId })
    return this
  }

  /** A client of this node that asks the other one. */
  clientOf(other: TestPeer): PeerClient {
    return new PeerClient({
      member: other.address,
      material: () => this.material,
      generation: () => this.generation,
      onForeignGeneration: (theirs, from) => void this.foreign.push([theirs, from]),
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.links.stop()
    await this.server[Symbol.asyncDispose]()
  }
}

export interface TestPeerOptions {
  material?: PeerMaterial
  clock?: Clock
  server?: Partial<PeerServerOptions>
}

/** Waits until it holds, for as long as a loaded machine may need. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let waited = 0; waited < 20_000; waited += 10) {
    if (holds()) return
    await sleep(10)
  }
  throw new Error(`not in time: ${what}`)
}
