/** The cluster as one node sees it. */
import type { ClusterMember, ClusterView, InvitationView, MemberState } from '@holdfast/api/cluster-services'
import { httpsUrl } from '../../cluster/addresses.ts'
import type { ClusterNode } from '../../cluster/cluster-node.ts'
import { secretHash } from '../../cluster/join-code.ts'
import { type Core, version } from '../../core.ts'
import type { NodeRecord } from '../../state/directory.ts'
import { isAwaited } from './commands.ts'

interface InvitationRow {
  id: string
  createdBy: string
  createdAt: number
  expiresAt: number
  usedAt: number | null
  usedBy: string | null
}

export function invitations(core: Core): InvitationView[] {
  const rows = core.db
    .prepare(
      'SELECT id, createdBy, createdAt, expiresAt, usedAt, usedBy FROM invitation ORDER BY createdAt DESC LIMIT 100',
    )
    .all() as InvitationRow[]
  return rows.map((row) => ({
    ...row,
    usedBy: row.usedBy === null ? null : (core.directory.nodes.get(row.usedBy)?.name ?? row.usedBy),
  }))
}

/** Why nobody can join with this secret, as far as this node knows; null: nothing is against it. */
export function whyNotInvited(
  core: Core,
  { secret, nodeId }: { secret: string; nodeId: string },
): string | null {
  const row = core.db
    .prepare('SELECT usedAt, usedBy, expiresAt FROM invitation WHERE hash = ?')
    .get(secretHash(secret)) as
    | { usedAt: number | null; usedBy: string | null; expiresAt: number }
    | undefined
  if (row === undefined) return 'The invitation is not known here; make a new one.'
  const asksAgain = row.usedBy === nodeId && isAwaited(core.directory.nodes.get(nodeId))
  if (row.usedAt !== null && !asksAgain) return 'The invitation was used already; make a new one.'
  if (row.expiresAt < core.clock.now()) return 'The invitation is too old; make a new one.'
  return null
}

/** A node that is alone. */
export function singleView(core: Core, startedAt: number, url: string): ClusterView {
  const { folder, log, clock } = core
  const { nodeId, nodeName } = folder.identity
  const member: ClusterMember = {
    nodeId,
    name: nodeName,
    site: 'main',
    address: null,
    url,
    self: true,
    leader: true,
    state: 'online',
    version,
    index: log.index,
    durableIndex: log.index,
    lag: 0,
    chain: log.chain,
    chainAgrees: null,
    clockSkewMs: 0,
    lastSeenAt: clock.now(),
    startedAt,
    etcd: null,
  }
  return {
    mode: 'single',
    nodeId,
    generation: '',
    leader: nodeId,
    term: 0,
    voters: 1,
    quorum: 1,
    reachableVoters: 1,
    writable: true,
    reason: null,
    commonVersion: version,
    members: [member],
    invitations: [],
  }
}

export function clusterView(core: Core, cluster: ClusterNode, startedAt: number): ClusterView {
  const { directory } = core
  const { log, etcdMembers, nodeId } = cluster
  const members = [...directory.nodes.values()]
    .map((node) => memberView(core, cluster, node, startedAt))
    .toSorted((a, b) => a.name.localeCompare(b.name))
  const furthest = Math.max(log.index, ...members.map((member) => member.index))
  for (const member of members) member.lag = furthest - member.index
  const voters = etcdMembers.filter((member) => !member.learner)
  const reachable = voters.filter(({ name }) =>
    members.some((member) => member.nodeId === name && member.state !== 'unreachable'),
  )
  return {
    mode: 'cluster',
    nodeId,
    generation: cluster.generation,
    leader: cluster.leader()?.id ?? null,
    term: log.status?.term ?? 0,
    voters: voters.length,
    quorum: Math.floor(voters.length / 2) + 1,
    reachableVoters: reachable.length,
    writable: log.writable,
    reason: log.reason,
    commonVersion: cluster.commonVersion,
    members,
    invitations: invitations(core),
  }
}

function memberView(core: Core, cluster: ClusterNode, node: NodeRecord, startedAt: number): ClusterMember {
  const { log, links } = cluster
  const self = node.id === cluster.nodeId
  const report = log.reports.of(node.id)
  const link = links.state().find((state) => state.nodeId === node.id)
  const alive = self || log.reports.alive(node.id) || link?.connected === true
  const member = cluster.etcdMembers.find(({ id }) => id === node.memberId)
  const heardAt = Math.max(report?.heardAt ?? 0, link?.lastSeenAt ?? 0) || null
  return {
    nodeId: node.id,
    name: node.name,
    site: node.site,
    address: node.address,
    url: node.address !== null && node.httpsPort !== null ? httpsUrl(node.address, node.httpsPort) : null,
    self,
    leader: node.memberId !== null && log.status?.leader === node.memberId,
    state: stateOf(
      alive,
      member === undefined || member.learner || report === undefined,
      self ? log.ownState : report?.state,
    ),
    version: node.version,
    index: self ? log.index : (report?.index ?? 0),
    durableIndex: self ? log.durableIndex : (report?.durableIndex ?? 0),
    lag: 0,
    chain: self ? log.chain : (report?.chain ?? ''),
    chainAgrees: self ? true : log.chains.agreement(node.id),
    clockSkewMs: self ? 0 : (link?.clockSkewMs ?? report?.skewMs ?? null),
    lastSeenAt: self ? core.clock.now() : heardAt,
    startedAt: self ? startedAt : (report?.startedAt ?? null),
    etcd: self
      ? ownEtcd(cluster)
      : report && alive
        ? { ...report.etcd, healthy: true, problem: null, commitMs: report.commitMs }
        : null,
  }
}

function ownEtcd(cluster: ClusterNode): ClusterMember['etcd'] {
  const { log } = cluster
  const { status } = log
  if (status === null) return null
  return {
    healthy: status.errors.length === 0 && status.leader !== null,
    problem: status.errors[0] ?? (status.leader === null ? 'no leader' : null),
    version: status.version,
    databaseBytes: status.databaseBytes,
    databaseInUseBytes: status.databaseInUseBytes,
    rssBytes: log.etcdRssBytes,
    commitMs: log.commitMs,
  }
}

/** @param fresh it does not vote yet, or has not said anything since it does */
function stateOf(alive: boolean, fresh: boolean, said: MemberState | undefined): MemberState {
  if (!alive) return fresh ? 'joining' : 'unreachable'
  if (said === 'diverged' || said === 'restoring') return said
  return fresh && said === undefined ? 'joining' : 'online'
}
