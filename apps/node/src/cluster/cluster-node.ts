import type { Config } from '../config/config.ts'
import type { Core } from '../core.ts'
import type { DataFolder } from '../data-folder.ts'
import { findEtcd } from '../log/etcd/etcd-binary.ts'
import type { EtcdMember } from '../log/etcd/etcd-client.ts'
import { EtcdLog, type EtcdLogOptions } from '../log/etcd/etcd-log.ts'
import { PeerClient } from '../peer/peer-client.ts'
import { PeerLinks } from '../peer/peer-links.ts'
import { type PeerCall, PeerServer } from '../peer/peer-server.ts'
import { SnapshotMaker } from '../peer/snapshot-maker.ts'
import { downloadSnapshot } from '../peer/snapshot-receiver.ts'
import type { Clock } from '../platform/clock.ts'
import type { Logger } from '../platform/logger.ts'
import { noteDivergence, rememberDivergence } from '../services/cluster/divergence-note.ts'
import { finishRecovery } from '../services/cluster/recovery.ts'
import { systemActor } from '../state/commands.ts'
import type { NodeRecord } from '../state/directory.ts'
import { fingerprint } from '../trust/certificates.ts'
import { interconnectPaths } from '../trust/interconnect.ts'
import { raftUrl } from './addresses.ts'
import { differing, majorityOf, oddOneOut, stances } from './divergence.ts'
import { Duties } from './duties.ts'
import { generationCount, type KnownPeer, type Membership } from './membership.ts'
import { Restorer } from './restorer.ts'

const tickMs = 1000
/** Ticks that nodes which have not told their state yet are waited for before a difference is called undecided. */
const stanceTicks = 5
/** With one other voter, taking this node out of etcd needs its own vote; the leader asks for it within seconds. */
const farewellVoteMs = 20_000

export interface ClusterNodeOptions {
  folder: DataFolder
  membership: Membership
  config: Config
  version: string
  clock: Clock
  logger: Logger
  /** Stops the node and starts it anew, in this process. */
  restart: (reason: string) => void
}

/** What the rest of the node is told. */
export interface ClusterHooks {
  /** The cluster began or ended to take changes. */
  writable: (writable: boolean, reason: string | null) => void
  /** This node must not serve clients for now; null: it may. */
  unfit: (reason: string | null) => void
}

/** A node's part in a cluster: its log engine, its links to the other members, and what it does for all when it leads. */
export class ClusterNode {
  readonly log: EtcdLog
  readonly links: PeerLinks
  readonly restorer: Restorer
  /** Operations that other members may ask of this one; filled before start. */
  readonly calls: Record<string, PeerCall> = {}
  private readonly o: ClusterNodeOptions
  readonly snapshots: SnapshotMaker
  private server: PeerServer | null = null
  private duties: Duties | null = null
  private core: Core | null = null
  private hooks: ClusterHooks = { writable: () => {}, unfit: () => {} }
  private httpsPort = 0
  private timer: NodeJS.Timeout | null = null
  private announcing = false
  private recoveryWritten = false
  private divergenceNoted = false
  /** What the log was last told of states that differ. */
  private differs: string | null = null
  private undecidedTicks = 0
  private fenced: string | null

  constructor(options: ClusterNodeOptions, onFailure: EtcdLogOptions['onFailure']) {
    this.o = options
    const { folder, membership, config, version, clock, logger } = options
    this.fenced = membership.fencedBecause
    const paths = interconnectPaths(folder.path)
    const { nodeId } = folder.identity
    const material = this.material()
    this.log = new EtcdLog({
      databaseFile: folder.clusterFile,
      nodeId,
      version,
      generation: membership.generation,
      adopts: membership.forceNew ? 'renamed' : membership.initialState === 'new' ? 'founder' : 'member',
      retired: membership.fencedBecause !== null,
      clientPort: config.etcdPort,
      credentials: { ca: material.authority, certificate: material.certificate, key: material.key },
      process: {
        binary: findEtcd(config.etcdPath).path,
        folder: folder.etcdFolder,
        name: nodeId,
        peerUrl: raftUrl(membership.address, config.raftPort),
        raftPort: config.raftPort,
        initialCluster: membership.initialCluster,
        initialState: membership.initialState,
        clusterToken: membership.generation,
        forceNew: membership.forceNew,
        heartbeatMs: config.raftHeartbeatMs,
        electionMs: config.raftElectionMs,
        keyFile: paths.node,
        authority: material.authority,
      },
      clock,
      logger,
      onFailure,
      onRestoreNeeded: (reason) => this.restore(reason),
      onWritable: (writable, reason) => {
        this.hooks.writable(writable, reason)
        if (!writable) return
        void this.announce()
        // Not before: a start that was cut off must make this node the only member once more.
        if (folder.membership.read()?.forceNew) folder.membership.update({ forceNew: false })
      },
    })
    const generation = () => membership.generation
    const onForeignGeneration = (other: string, from: string) => this.foreign(other, from)
    this.links = new PeerLinks({
      material: () => this.material(),
      generation,
      onForeignGeneration,
      clock,
      logger,
    })
    this.snapshots = new SnapshotMaker({
      dataFolder: folder.path,
      logger,
      holdCheckpoints: (held) => this.log.holdCheckpoints(held),
    })
    this.restorer = new Restorer({
      peers: () => this.peersToAsk(),
      download: (peer, signal) => this.download(peer, signal),
      logger,
      onReady: (from) => options.restart(`the state of ${from.name} is taken`),
    })
  }

  get generation(): string {
    return this.o.membership.generation
  }

  get address(): string {
    return this.o.membership.address
  }

  get nodeId(): string {
    return this.o.folder.identity.nodeId
  }

  /** Members as etcd knows them. */
  get etcdMembers(): readonly EtcdMember[] {
    return this.duties?.members ?? []
  }

  /** Members that vote, and how many of them were heard of lately, this one included. */
  get voterCount(): { voters: number; healthy: number } | null {
    const voters = this.etcdMembers.filter((member) => !member.learner)
    if (voters.length === 0) return null
    const isThere = (name: string) => name === this.nodeId || this.log.reports.alive(name)
    return { voters: voters.length, healthy: voters.filter(({ name }) => isThere(name)).length }
  }

  /** The oldest version that a member runs: what needs a newer one waits. */
  get commonVersion(): string {
    return this.core?.commonVersion() ?? this.o.version
  }

  /** One line when this node must not serve; null: it may. */
  get unfitBecause(): string | null {
    if (this.fenced !== null) return this.fenced
    const state = this.log.ownState
    if (state === 'diverged')
      return 'The state of this node differs from that of the others; it is taken anew from them.'
    if (state === 'restoring') return 'This node takes its state from another one.'
    return null
  }

  /** Begins to take part. @throws PeerListenError */
  async start(core: Core, hooks: ClusterHooks, httpsPort: number): Promise<void> {
    const { config, logger } = this.o
    this.core = core
    this.hooks = hooks
    this.httpsPort = httpsPort
    this.reportInstallation()
    this.server = new PeerServer({
      host: config.host,
      port: config.peerPort,
      material: () => this.material(),
      generation: () => this.generation,
      memberOf: (nodeId) => this.memberOf(nodeId),
      status: () => this.ownStatus(),
      calls: this.calls,
      snapshots: this.snapshots,
      acceptChannel: (socket, from) => this.links.accept(socket, from.nodeId),
      onForeignGeneration: (other, from) => this.foreign(other, from),
      logger,
    })
    await this.server.start()
    this.duties = new Duties({
      log: this.log,
      directory: core.directory,
      logger,
      hasState: (nodeId) => this.hasState(nodeId),
    })
    this.duties.start()
    this.links.start()
    this.setPeers()
    this.timer = setInterval(() => this.tick(), tickMs)
    this.hooks.unfit(this.unfitBecause)
    // What happened while nobody could be told yet.
    if (!this.log.writable) this.hooks.writable(false, this.log.reason)
  }

  async stop(): Promise<void> {
    if (this.timer) clearInterval(this.timer)
    this.duties?.stop()
    this.restorer.stop()
    this.links.stop()
    await this.server?.[Symbol.asyncDispose]()
    await this.snapshots[Symbol.asyncDispose]()
  }

  /** The node that leads; null while none does. */
  leader(): NodeRecord | null {
    const memberId = this.log.status?.leader ?? null
    if (memberId === null || this.core === null) return null
    // Its own row may not say yet who it is in etcd.
    if (this.log.leads) return this.core.directory.nodes.get(this.nodeId) ?? null
    for (const node of this.core.directory.nodes.values()) if (node.memberId === memberId) return node
    return null
  }

  /** A client of one other member; dispose it. */
  clientOf(peer: { nodeId: string; address: string; peerPort: number }): PeerClient {
    return new PeerClient({
      member: { nodeId: peer.nodeId, address: peer.address, peerPort: peer.peerPort },
      material: () => this.material(),
      generation: () => this.generation,
      onForeignGeneration: (other, from) => this.foreign(other, from),
    })
  }

  /** The other members of today, as far as their addresses are known. */
  peers(): KnownPeer[] {
    const known = [...(this.core?.directory.nodes.values() ?? [])].flatMap((node) =>
      node.id !== this.nodeId && node.address !== null && node.peerPort !== null
        ? [
            {
              nodeId: node.id,
              name: node.name,
              address: node.address,
              httpsPort: node.httpsPort ?? 0,
              peerPort: node.peerPort,
            },
          ]
        : [],
    )
    return known.length > 0 ? known : this.o.membership.peers
  }

  /** Memory has followed a commit that changed the nodes. */
  nodesChanged(): void {
    const { folder } = this.o
    this.setPeers()
    folder.membership.update({ peers: this.peers() })
    const { nodes } = this.core?.directory ?? {}
    if (nodes !== undefined && nodes.size > 0 && !nodes.has(this.nodeId) && this.log.ownState === 'online')
      this.fence(
        'This node was taken out of the cluster; set it up anew in an empty folder to use it again.',
        farewellVoteMs,
      )
  }

  /** Takes new certificates into use. */
  reload(): void {
    this.server?.reload()
    this.links.reload()
  }

  /** Takes this node out of service for good. @param votesMs how long its etcd still votes */
  fence(reason: string, votesMs = 0): void {
    if (this.fenced !== null) return
    this.fenced = reason
    this.o.folder.membership.update({ fencedBecause: reason })
    this.o.logger.error(reason)
    this.hooks.unfit(reason)
    void this.log.retire(reason, votesMs)
  }

  private material() {
    const trust = this.o.folder.interconnect
    if (trust === null) throw new Error('A member of a cluster has keys for the other nodes.')
    const { node, authority } = trust
    return { key: node.key, certificate: node.certificate, authority: authority.certificate }
  }

  private memberOf(nodeId: string): { name: string } | null {
    const node = this.core?.directory.nodes.get(nodeId)
    if (node !== undefined) return { name: node.name }
    // Before it has its own state, a new node knows the others from its admission.
    const known = this.log.ownState === 'online' ? undefined : this.o.membership.peers
    return known?.find((peer) => peer.nodeId === nodeId) ?? null
  }

  /** Asks a node whether it has taken over the state; a learner can tell it by the peer link alone. */
  private async hasState(nodeId: string): Promise<boolean> {
    const peer = this.peers().find((each) => each.nodeId === nodeId)
    if (peer === undefined) return false
    using client = this.clientOf(peer)
    const status = (await client.status()) as { state?: unknown } | null
    return status?.state === 'online'
  }

  private ownStatus() {
    const { log } = this
    return {
      nodeId: this.nodeId,
      state: log.ownState,
      index: log.index,
      revision: log.revision,
      durableIndex: log.durableIndex,
      chain: log.chain,
      writable: log.writable,
    }
  }

  private setPeers(): void {
    this.links.setPeers(this.peers())
  }

  private tick(): void {
    this.lookForDivergence()
    void this.announce()
  }

  private lookForDivergence(): void {
    const voters = this.etcdMembers.filter((member) => !member.learner).length
    // A node that has just started does not know yet how many there are, and one other would be a majority of none.
    if (voters === 0) return
    const mark = oddOneOut(this.log.chains.disagreements(), voters)
    const alerts = this.core?.alerts
    if (mark !== null && this.log.ownState === 'online') {
      this.o.logger.error({ index: mark[0] }, 'the state of this node differs from that of the others')
      this.log.ownState = 'diverged'
      if (this.core !== null) rememberDivergence(this.core, mark[0])
      this.log.restore(`its state differs from the others' at index ${mark[0]}`)
      return
    }
    const { chains } = this.log
    const odd = [...chains.disagreements().keys()]
      .map((id) => this.core?.directory.nodes.get(id)?.name)
      .filter((name) => name !== undefined)
    const others = this.peers().map(({ nodeId }) => ({ nodeId, alive: this.log.reports.alive(nodeId) }))
    const { alike, open } = stances(chains, others)
    this.undecidedTicks = odd.length > 0 && alike < majorityOf(voters) ? this.undecidedTicks + 1 : 0
    if (this.undecidedTicks > 0 && open > 0 && this.undecidedTicks < stanceTicks) return
    const told = odd.length === 0 ? null : differing(odd, alike, voters)
    if (told !== null && told !== this.differs) this.o.logger.error({ nodes: odd }, told)
    this.differs = told
    if (told === null) alerts?.clear('chain')
    else alerts?.raise('alert', 'chain', told)
  }

  /** Keeps this node's own row true: where it is, what it runs, who it is in etcd. */
  private async announce(): Promise<void> {
    const { core, log } = this
    if (core === null || this.announcing || !log.writable || this.unfitBecause !== null) return
    const row = core.directory.nodes.get(this.nodeId)
    const memberId = log.status?.memberId
    if (row === undefined || memberId === undefined) return
    const { config, version, folder, membership } = this.o
    const { certificate } = folder.trust.node
    const wanted = {
      address: membership.address,
      httpsPort: this.httpsPort,
      peerPort: config.peerPort,
      raftPort: config.raftPort,
      version,
      memberId,
      fingerprint: fingerprint(certificate).hex,
    }
    const changed = Object.entries(wanted).filter(([key, value]) => row[key as keyof NodeRecord] !== value)
    if (changed.length === 0 && this.recoveryWritten && this.divergenceNoted) return
    this.announcing = true
    try {
      this.recoveryWritten = await finishRecovery(core, this)
      await noteDivergence(core)
      this.divergenceNoted = true
      if (changed.length === 0) return
      await core.proposer.propose('node.update', systemActor, {
        id: this.nodeId,
        ...Object.fromEntries(changed),
        ...(changed.some(([key]) => key === 'fingerprint') && { certificate }),
      })
    } catch (error) {
      this.o.logger.debug(
        { err: error },
        'the row of this node was not brought up to date; it is tried again',
      )
    } finally {
      this.announcing = false
    }
  }

  /** What became of a state that another node gave. */
  private reportInstallation(): void {
    const { folder, logger } = this.o
    const { problem, auditReplaced } = folder.installation
    if (problem !== null) logger.error(problem)
    if (auditReplaced !== null)
      logger.warn({ folder: auditReplaced }, 'audit files that are not of the new state were put aside')
  }

  private restore(reason: string): void {
    this.hooks.unfit(this.unfitBecause)
    void this.restorer.start(reason)
  }

  /** Other members, those whose chain agrees with most first. */
  private peersToAsk(): KnownPeer[] {
    const { chains, reports } = this.log
    const rank = (peer: KnownPeer) => {
      const state = reports.of(peer.nodeId)?.state
      return (
        (reports.alive(peer.nodeId) && state === 'online' ? 0 : 2) + (chains.agreement(peer.nodeId) ? 0 : 1)
      )
    }
    return this.peers().toSorted((a, b) => rank(a) - rank(b))
  }

  private async download(peer: KnownPeer, signal: AbortSignal): Promise<{ index: number; bytes: number }> {
    using client = this.clientOf(peer)
    return await downloadSnapshot({
      client,
      dataFolder: this.o.folder.path,
      generation: this.generation,
      minimumRevision: 0,
      signal,
      logger: this.o.logger,
    })
  }

  /** Another node speaks for another generation: one that a recovery left behind, or this one is. */
  private foreign(other: string, from: string): void {
    if (generationCount(other) <= generationCount(this.generation)) return
    this.fence(
      `The cluster was recovered without this node (seen at ${from}); set it up anew in an empty folder and let it join.`,
    )
  }
}
