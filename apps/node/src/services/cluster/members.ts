/** Changes of membership, as the leader carries them out. */
import type { Admission } from '@holdfast/api/cluster-services'
import type { ClusterAdmit } from '@holdfast/api/contract/cluster-inputs'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { raftUrl } from '../../cluster/addresses.ts'
import type { ClusterNode } from '../../cluster/cluster-node.ts'
import { newSecret, secretHash } from '../../cluster/join-code.ts'
import type { Core } from '../../core.ts'
import { EtcdError } from '../../log/etcd/errors.ts'
import type { EtcdMember } from '../../log/etcd/etcd-client.ts'
import type { EtcdLog } from '../../log/etcd/etcd-log.ts'
import { newId } from '../../platform/random.ts'
import { compareVersions, majorVersion } from '../../platform/versions.ts'
import { type Actor, systemActor } from '../../state/commands.ts'
import type { NodeRecord } from '../../state/directory.ts'

/** etcd wants its members connected before it takes one in or lets one go; that takes some seconds. */
const memberTries = 30
const memberAgainMs = 500
/** A removed node is given so long to learn of it before it is cut off. */
const farewellMs = 1500

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export class Members {
  private readonly core: Core
  private readonly cluster: ClusterNode
  private admitting = false

  constructor(core: Core, cluster: ClusterNode) {
    this.core = core
    this.cluster = cluster
  }

  /** Makes a permission for one node; what it returns is known to nobody else. */
  async invite(minutes: number, actor: Actor): Promise<{ id: string; secret: string; expiresAt: number }> {
    const id = newId('iv')
    const secret = newSecret()
    const lifeMs = minutes * 60_000
    const expiresAt = await this.core.proposer.propose('invitation.create', actor, {
      id,
      hash: secretHash(secret),
      lifeMs,
    })
    return { id, secret, expiresAt: Number(expiresAt) }
  }

  /** Takes a new node in as a learner; it votes as soon as it has caught up. */
  async admit(value: ClusterAdmit, remote: string): Promise<Admission> {
    assertJoinable(value.version, this.cluster)
    assertOneState(this.cluster)
    // Two that ask at the same moment would both find that nobody learns.
    if (this.admitting) throw joins('Another node')
    this.admitting = true
    try {
      await this.assertNobodyElseLearns(value)
      return await this.takeIn(value, remote)
    } finally {
      this.admitting = false
    }
  }

  private async takeIn(value: ClusterAdmit, remote: string): Promise<Admission> {
    const { core } = this
    const { secret, nodeId, nodeName, ...where } = value
    const actor: Actor = { ...systemActor, remote }
    await core.proposer.propose('node.add', actor, {
      id: nodeId,
      name: nodeName,
      ...where,
      invitation: secretHash(secret),
    })
    const url = raftUrl(where.address, where.raftPort)
    try {
      const memberId = await this.addLearner(url)
      await core.proposer.propose('node.update', systemActor, { id: nodeId, memberId })
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      await core.proposer.propose('node.remove', systemActor, { id: nodeId, reason: why })
      throw new HoldfastError(
        'conflict',
        `The cluster cannot take a new node in now: ${why}. Invite it again later.`,
      )
    }
    return this.admission()
  }

  /**
   * Makes another voter the leader, since this node is to be taken out: who is out can neither lead nor answer.
   * @throws HoldfastError `conflict` when the others could not decide without it
   */
  async handOver(): Promise<void> {
    const { log, nodeId, etcdMembers } = this.cluster
    this.assertQuorumWithout(this.nodeOf(nodeId))
    const next = etcdMembers
      .filter(({ name, learner }) => !learner && name !== nodeId && log.reports.alive(name))
      .toSorted((a, b) => indexOf(log, b) - indexOf(log, a))[0]
    if (next !== undefined) await log.client.moveLeader(next.id)
  }

  /** Takes a member out, another one than this node. */
  async remove(nodeId: string, actor: Actor): Promise<void> {
    const { core, cluster } = this
    const node = this.nodeOf(nodeId)
    this.assertQuorumWithout(node)
    if (nodeId === cluster.nodeId)
      throw new HoldfastError('busy', `${node.name} leads the cluster again; ask once more.`, {
        retryAfterMs: 1000,
      })
    await core.proposer.propose('node.remove', actor, { id: nodeId, reason: 'removed by an administrator' })
    // It hears of it by the log, and says goodbye to its clients.
    if (cluster.log.reports.alive(nodeId)) await sleep(farewellMs)
    await cluster.log.reports.remove(nodeId)
    cluster.log.chains.forget(nodeId)
    if (node.memberId !== null) await this.removeVoter(node.memberId)
  }

  /** Notes where a member is now reached. */
  async setAddress(nodeId: string, address: string, actor: Actor): Promise<void> {
    const { core, cluster } = this
    const node = this.nodeOf(nodeId)
    assertOwnPlace(core.directory.nodes.values(), node, address)
    if (node.memberId !== null && node.raftPort !== null)
      await cluster.log.client.updateMember(node.memberId, raftUrl(address, node.raftPort))
    await core.proposer.propose('node.update', actor, { id: nodeId, address })
  }

  /** etcd takes one new member at a time; the next one asks again. */
  private async assertNobodyElseLearns(asking: ClusterAdmit): Promise<void> {
    const members = await this.cluster.log.client.members()
    const learner = members.find((member) => member.learner)
    if (learner === undefined || learner.peerUrls.includes(raftUrl(asking.address, asking.raftPort))) return
    const node = [...this.core.directory.nodes.values()].find(({ memberId }) => memberId === learner.id)
    if (node === undefined) throw joins('Another node')
    throw joins(node.name, `; if it never does, take it out: holdfast cluster remove ${node.name}`)
  }

  private nodeOf(nodeId: string): NodeRecord {
    const node = this.core.directory.nodes.get(nodeId)
    if (node === undefined) throw new HoldfastError('not-found', 'This node is no member of the cluster.')
    return node
  }

  /** Without the node the rest must still be able to decide. */
  private assertQuorumWithout(node: NodeRecord): void {
    const { etcdMembers, log, nodeId } = this.cluster
    const voters = etcdMembers.filter((member) => !member.learner && member.id !== node.memberId)
    const there = voters.filter((member) => member.name === nodeId || log.reports.alive(member.name))
    if (there.length >= Math.floor(voters.length / 2) + 1) return
    throw new HoldfastError(
      'conflict',
      `Without ${node.name} only ${there.length} of ${voters.length} voting nodes would be there, and the cluster would take no changes; bring another node back first.`,
    )
  }

  /** etcd lets nobody go while one of the others has been connected for less than five seconds. */
  private async removeVoter(memberId: string): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.cluster.log.client.removeMember(memberId)
        return
      } catch (error) {
        // The duties of the leader may have done it by now.
        if (error instanceof EtcdError && error.notFound) return
        if (tries === memberTries) throw error
      }
      await sleep(memberAgainMs)
    }
  }

  private async addLearner(url: string): Promise<string> {
    const { client } = this.cluster.log
    const at = (members: EtcdMember[]) =>
      members.find(({ peerUrls, learner }) => learner && peerUrls.includes(url))
    for (let tries = 1; ; tries += 1) {
      try {
        // An answer that was lost may have been that it is there.
        const member = at(await client.members()) ?? at(await client.addLearner(url))
        if (member !== undefined) return member.id
      } catch (error) {
        if (tries === memberTries) throw error
      }
      await sleep(memberAgainMs)
    }
  }

  private admission(): Admission {
    const { core, cluster } = this
    const { folder, directory } = core
    const { interconnect, trust } = folder
    if (interconnect === null) throw new HoldfastError('internal', 'This node is no member of a cluster.')
    const nodes = [...directory.nodes.values()].flatMap((node) =>
      node.address !== null && node.raftPort !== null && node.peerPort !== null
        ? [{ ...node, address: node.address, raftPort: node.raftPort, peerPort: node.peerPort }]
        : [],
    )
    return {
      facility: directory.setting('facility', ''),
      generation: cluster.generation,
      initialCluster: nodes.map((node) => `${node.id}=${raftUrl(node.address, node.raftPort)}`).join(','),
      authority: trust.authority,
      interconnect: interconnect.authority,
      peers: nodes.map(({ id, name, address, httpsPort, peerPort }) => ({
        nodeId: id,
        name,
        address,
        httpsPort: httpsPort ?? 0,
        peerPort,
      })),
    }
  }
}

/** Two members cannot be reached at one place. */
export function assertOwnPlace(
  nodes: Iterable<Pick<NodeRecord, 'id' | 'name' | 'address' | 'raftPort'>>,
  { id, raftPort }: Pick<NodeRecord, 'id' | 'raftPort'>,
  address: string,
): void {
  for (const other of nodes)
    if (other.id !== id && other.address === address && other.raftPort === raftPort)
      throw new HoldfastError('conflict', `The node ${other.name} is at ${address}; nothing was changed.`)
}

/** A new node takes the state of one of the others; while they differ nobody knows whether of the right one. */
function assertOneState({ log }: ClusterNode): void {
  if (log.chains.disagreements().size === 0) return
  throw new HoldfastError(
    'busy',
    'The states of the nodes differ; a new node could take the wrong one. See holdfast cluster status.',
    { retryAfterMs: 1000 },
  )
}

const joins = (who: string, hint = '') =>
  new HoldfastError('busy', `${who} is just joining; ask again when it has joined${hint}.`, {
    retryAfterMs: 1000,
  })

const indexOf = (log: EtcdLog, { name }: EtcdMember): number => log.reports.of(name)?.index ?? 0

/** Only nodes of the same major version, and no older one than the oldest member, understand the state. */
function assertJoinable(version: string, cluster: ClusterNode): void {
  const oldest = cluster.commonVersion
  if (majorVersion(version) === majorVersion(oldest) && compareVersions(version, oldest) >= 0) return
  throw new HoldfastError(
    'conflict',
    `The new node runs version ${version} and the cluster ${oldest}; install ${oldest} or a newer one of the same line on it.`,
  )
}
