import { rmSync } from 'node:fs'
import { UnreachableError } from '@holdfast/api/client/errors'
import type {
  Admission,
  CarriedOut,
  ClusterView,
  ClusterService as Contract,
  RecoveryPlan,
} from '@holdfast/api/cluster-services'
import type * as input from '@holdfast/api/contract/cluster-inputs'
import { HoldfastError } from '@holdfast/api/contract/errors'
import type { Caller, Origin } from '@holdfast/api/services'
import { httpsUrl, ownAddress, raftUrl } from '../../cluster/addresses.ts'
import type { ClusterNode } from '../../cluster/cluster-node.ts'
import { encodeJoinCode } from '../../cluster/join-code.ts'
import { nextGeneration } from '../../cluster/membership.ts'
import { openCode, sealCode } from '../../cluster/sealed-code.ts'
import type { Config } from '../../config/config.ts'
import { type Core, version } from '../../core.ts'
import type { Actor } from '../../state/commands.ts'
import { fingerprint } from '../../trust/certificates.ts'
import { createInterconnect } from '../../trust/interconnect.ts'
import { callerActor } from '../auth/auth.ts'
import type { SetupService } from '../auth/setup.ts'
import { Members } from './members.ts'
import { type PendingRecovery, recoveryPlan, writePendingRecovery } from './recovery.ts'
import { clusterView, singleView, whyNotInvited } from './view.ts'

const liveMs = 1000
/** Life of the invitation that a found node gets with the offer. */
const offerMinutes = 10
/** An operation at the leader, with the seconds that etcd may need for a new member. */
const forwardMs = 40_000
/** For another leader to be known here, and how often that is looked at. */
const handOverMs = 10_000
const leaderAgainMs = 100

export interface ClusterServiceOptions {
  core: Core
  cluster: ClusterNode | null
  config: Config
  setup: SetupService
  startedAt: number
  httpsPort: () => number
  restart: (reason: string) => void
}

/** What the API, the command line and the Cluster page do with the cluster. */
export class ClusterService implements Contract {
  private readonly o: ClusterServiceOptions
  private joining = false

  constructor(options: ClusterServiceOptions) {
    this.o = options
    const { core, cluster } = options
    if (cluster === null) return
    const members = new Members(core, cluster)
    cluster.calls['cluster.invite'] = async (payload) => {
      const { minutes, actor } = payload as { minutes: number; actor: Actor }
      return members.invite(minutes, actor)
    }
    cluster.calls['cluster.admit'] = async (payload) => {
      const { value, remote } = payload as { value: input.ClusterAdmit; remote: string }
      return members.admit(value, remote)
    }
    cluster.calls['cluster.handOver'] = async () => {
      await members.handOver()
      return null
    }
    cluster.calls['cluster.remove'] = async (payload) => {
      const { nodeId, actor } = payload as { nodeId: string; actor: Actor }
      await members.remove(nodeId, actor)
      return null
    }
    cluster.calls['cluster.setAddress'] = async (payload) => {
      const { nodeId, address, actor } = payload as { nodeId: string; address: string; actor: Actor }
      await members.setAddress(nodeId, address, actor)
      return null
    }
  }

  status(): Promise<ClusterView> {
    const { core, cluster, startedAt, httpsPort } = this.o
    return Promise.resolve(
      cluster === null
        ? singleView(core, startedAt, httpsUrl(this.o.config.clusterAddress ?? 'localhost', httpsPort()))
        : clusterView(core, cluster, startedAt),
    )
  }

  async *live(signal: AbortSignal): AsyncGenerator<ClusterView> {
    while (!signal.aborted) {
      yield await this.status()
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, liveMs)
        signal.addEventListener('abort', () => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  /** @throws HoldfastError `conflict` when the node belongs to a cluster already, or has no address */
  async create(value: input.ClusterCreate, caller: Caller): Promise<{ address: string }> {
    const { core, cluster, config, restart } = this.o
    const { folder, clock, directory } = core
    if (cluster !== null) throw new HoldfastError('conflict', 'This node belongs to a cluster already.')
    // Before anything is changed: a cluster without its program would not start.
    const { findEtcd } = await import('../../log/etcd/etcd-binary.ts')
    try {
      findEtcd(config.etcdPath)
    } catch (cause) {
      throw new HoldfastError('conflict', (cause as Error).message, { cause })
    }
    const address = ownAddress(value.address, config.clusterAddress)
    const generation = nextGeneration(null)
    const { nodeId } = folder.identity
    await createInterconnect(folder.path, {
      facility: directory.setting('facility', ''),
      nodeName: nodeId,
      ...folder.names(),
      nowMs: clock.now(),
    })
    rmSync(folder.etcdFolder, { recursive: true, force: true })
    await core.proposer.propose('cluster.created', callerActor(caller), { generation, node: nodeId })
    folder.membership.write({
      generation,
      address,
      initialCluster: `${nodeId}=${raftUrl(address, config.raftPort)}`,
      initialState: 'new',
      forceNew: false,
      peers: [],
      fencedBecause: null,
      joinedAt: clock.now(),
    })
    restart('the node becomes the first member of a cluster')
    return { address }
  }

  async invite(
    { minutes }: input.ClusterInvite,
    caller: Caller,
  ): Promise<{ id: string; code: string; expiresAt: number; by: CarriedOut }> {
    const { secret, id, expiresAt, by } = await this.newInvitation(minutes, callerActor(caller))
    return { id, code: this.joinCode(secret), expiresAt, by }
  }

  async revokeInvitation({ id }: { id: string }, caller: Caller): Promise<void> {
    this.member()
    await this.o.core.proposer.propose('invitation.revoke', callerActor(caller), { id })
  }

  async admit(value: input.ClusterAdmit, origin: Origin): Promise<Admission> {
    this.member()
    // Whoever guesses is answered from memory, and writes nothing into the log.
    const whyNot = whyNotInvited(this.o.core, value)
    if (whyNot !== null) throw new HoldfastError('wrong-code', whyNot)
    const { result } = await this.atLeader('cluster.admit', { value, remote: origin.remote })
    return result as Admission
  }

  async join(value: input.ClusterJoin, origin: Origin): Promise<{ facility: string }> {
    const { core, setup } = this.o
    if (setup.setUp) throw new HoldfastError('already-set-up', 'This node is set up already.')
    core.setupCode.check(value.setupCode, origin.remote)
    return this.joinWith(value.code, value.nodeName, value.address)
  }

  async offer(value: input.ClusterOffer, origin: Origin): Promise<{ proof: string; facility: string }> {
    const { core, setup } = this.o
    if (setup.setUp) throw new HoldfastError('already-set-up', 'This node is set up already.')
    const { code: setupCode, forgive } = core.setupCode.attempt(origin.remote)
    const { code, proof } = await openCode(value, setupCode, core.folder.caFingerprint.hex)
    forgive()
    const { facility } = await this.joinWith(code, value.nodeName)
    return { proof, facility }
  }

  async add(value: input.ClusterAdd, caller: Caller): Promise<{ nodeName: string; by: CarriedOut }> {
    const { core } = this.o
    this.member()
    const origin = httpsUrl(value.address, value.port)
    // The client of the API is for nodes that meet others for the first time.
    const { createNodeFetch, fetchUntrustedCa } = await import('@holdfast/api/client/node')
    const { createApi } = await import('@holdfast/api/client/api')
    const ca = await reached(fetchUntrustedCa(origin))
    using fetch = createNodeFetch({ ca })
    const stranger = createApi({ urls: [origin], fetch })
    if ((await stranger.setup.state.query()).setUp)
      throw new HoldfastError(
        'already-set-up',
        `The node at ${origin} is set up already; it cannot be added.`,
      )
    const { id, secret, by } = await this.newInvitation(offerMinutes, callerActor(caller))
    try {
      const sealed = await sealCode(this.joinCode(secret), value.setupCode, fingerprint(ca).hex)
      const { proof } = await stranger.cluster.offer.mutate({
        facility: core.directory.setting('facility', ''),
        nodeName: value.nodeName,
        nonce: sealed.nonce,
        sealedCode: sealed.sealedCode,
      })
      if (!sealed.accepted(proof))
        throw new HoldfastError(
          'wrong-code',
          `${origin} did not know the code that was typed; it was not added.`,
        )
    } catch (error) {
      // Nobody is to come with it later. A node that has used it up is in.
      await this.revokeInvitation({ id }, caller).catch(() => {})
      throw error
    }
    return { nodeName: value.nodeName, by }
  }

  async remove({ nodeId }: { nodeId: string }, caller: Caller): Promise<CarriedOut> {
    const cluster = this.member()
    await this.leadByAnother(nodeId)
    const leader = cluster.leader()
    try {
      return (await this.atLeader('cluster.remove', { nodeId, actor: callerActor(caller) })).by
    } catch (error) {
      // A node that leaves may be cut off before it is answered; it has applied itself that it is out.
      const isOut = nodeId === cluster.nodeId && !this.o.core.directory.nodes.has(nodeId)
      if (!isOut || leader === null) throw error
      return { nodeId: leader.id, nodeName: leader.name, forwarded: true }
    }
  }

  async setAddress({ address }: input.ClusterAddress, caller: Caller): Promise<CarriedOut> {
    const { core, restart } = this.o
    const { nodeId } = this.member()
    const { by } = await this.atLeader('cluster.setAddress', { nodeId, address, actor: callerActor(caller) })
    core.folder.membership.update({ address })
    restart('the node has another address')
    return by
  }

  recoveryPlan(): Promise<RecoveryPlan> {
    return recoveryPlan(this.o.core, this.member())
  }

  async recover(value: input.ClusterRecover, caller: Caller): Promise<{ index: number }> {
    const { core, restart } = this.o
    const cluster = this.member()
    const plan = await recoveryPlan(core, cluster)
    if (!plan.possible) throw new HoldfastError('conflict', plan.reason)
    if (value.confirm !== core.directory.setting('facility', ''))
      throw new HoldfastError('bad-request', 'The name of the facility is another one; nothing was done.')
    if (value.index !== plan.index)
      throw new HoldfastError('conflict', 'The state of this node has moved on; look at the plan again.')
    const generation = nextGeneration(cluster.generation)
    const pending: PendingRecovery = {
      generation,
      index: plan.index,
      knownLoss: plan.knownLoss,
      actor: callerActor(caller),
    }
    writePendingRecovery(core, pending)
    core.folder.membership.update({ generation, forceNew: true, peers: [] })
    restart('the node goes on alone after quorum was lost')
    return { index: plan.index }
  }

  /** The leader that is to be taken out hands over first. */
  private async leadByAnother(nodeId: string): Promise<void> {
    const cluster = this.member()
    const { clock } = this.o.core
    if (cluster.leader()?.id !== nodeId) return
    await this.atLeader('cluster.handOver', null)
    const until = clock.monotonic() + handOverMs
    while ((cluster.leader()?.id ?? nodeId) === nodeId && clock.monotonic() < until)
      await new Promise((resolve) => setTimeout(resolve, leaderAgainMs))
  }

  private member(): ClusterNode {
    if (this.o.cluster !== null) return this.o.cluster
    throw new HoldfastError('conflict', 'This node is alone; make it a cluster first.')
  }

  private async newInvitation(minutes: number, actor: Actor) {
    this.member()
    const { result, by } = await this.atLeader('cluster.invite', { minutes, actor })
    const { id, secret, expiresAt } = result as { id: string; secret: string; expiresAt: number }
    return { id, secret, expiresAt, by }
  }

  /** Names every member, so that the code is good while any of them is there. */
  private joinCode(secret: string): string {
    const { core } = this.o
    const { nodeId } = core.folder.identity
    const members = [...core.directory.nodes.values()]
      .toSorted((a, b) => Number(b.id === nodeId) - Number(a.id === nodeId))
      .flatMap(({ address, httpsPort }) =>
        address !== null && httpsPort !== null ? [{ address, httpsPort }] : [],
      )
    return encodeJoinCode({ members, caFingerprint: core.folder.caFingerprint.hex, secret })
  }

  private async joinWith(code: string, nodeName: string, given?: string): Promise<{ facility: string }> {
    const { core, config, restart, httpsPort } = this.o
    if (this.joining) throw new HoldfastError('conflict', 'This node is joining already; wait a moment.')
    this.joining = true
    try {
      const { requestAdmission, takePlace } = await import('../../cluster/admission.ts')
      const address = ownAddress(given, config.clusterAddress)
      const { folder, clock } = core
      const asked = requestAdmission(code, {
        nodeId: folder.identity.nodeId,
        nodeName,
        version,
        address,
        httpsPort: httpsPort(),
        peerPort: config.peerPort,
        raftPort: config.raftPort,
      })
      const admission = await reached(asked)
      await takePlace(folder, admission, { nodeName, address, nowMs: clock.now() })
      core.setupCode.finish()
      restart(`the node joins ${admission.facility}`)
      return { facility: admission.facility }
    } finally {
      this.joining = false
    }
  }

  /** Carries an operation out at the leader, wherever that is. */
  private async atLeader(op: string, payload: unknown): Promise<{ result: unknown; by: CarriedOut }> {
    const cluster = this.member()
    const { core } = this.o
    const leader = cluster.leader()
    if (leader === null)
      throw new HoldfastError(
        'no-quorum',
        cluster.log.reason ?? 'The cluster has no leader now; try again in a moment.',
        {
          retryAfterMs: 1000,
        },
      )
    const by = { nodeId: leader.id, nodeName: leader.name, forwarded: leader.id !== cluster.nodeId }
    if (!by.forwarded) {
      const from = { nodeId: cluster.nodeId, name: core.folder.identity.nodeName }
      return { result: await wholly(cluster.calls[op]?.(payload, from)), by }
    }
    const { address, peerPort } = leader
    if (address === null || peerPort === null)
      throw new HoldfastError('internal', `Nobody knows where ${leader.name} is; try again in a moment.`)
    using client = cluster.clientOf({ nodeId: leader.id, address, peerPort })
    return { result: await wholly(client.call(op, payload, { timeoutMs: forwardMs })), by }
  }
}

/** An operation has several steps: one that ends without a majority may be half done, and is not to be made again unseen. */
async function wholly(operation: Promise<unknown> | undefined): Promise<unknown> {
  try {
    return await operation
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'no-quorum')
      throw new HoldfastError('no-quorum', error.message, { cause: error })
    throw error
  }
}

/** That a node cannot be reached is told to whoever asked, not only to the log. */
function reached<T>(work: Promise<T>): Promise<T> {
  return work.catch((cause: unknown) => {
    if (cause instanceof UnreachableError) throw new HoldfastError('busy', `${cause.message}.`, { cause })
    throw cause
  })
}
