/** Which nodes belong to the cluster, and who may join. */
import { type Applying, type Handler, refuse } from '../../state/applying.ts'
import type { NodeRecord } from '../../state/directory.ts'

/** Where a node is reached. */
export interface NodeAddresses {
  address: string
  httpsPort: number
  peerPort: number
  raftPort: number
}

export interface NodeAdd extends NodeAddresses {
  id: string
  name: string
  version: string
  /** SHA-256 of the secret of the invitation that it came with, hex. */
  invitation: string
}

/** Open invitations at once. */
export const openInvitations = 20
/** Invitations that are over are kept for so long, to be looked at. */
const keptMs = 30 * 24 * 3600_000

interface InvitationRow {
  id: string
  expiresAt: number
  usedAt: number | null
  usedBy: string | null
}

/**
 * Whether a node that was taken in has not come yet: its first word is its certificate. Until then it may ask again with the
 * same invitation, because it, or the leader, may have ended before the answer was kept.
 */
export const isAwaited = (node: NodeRecord | undefined): boolean => node?.fingerprint === ''

const nodeOf = (applying: Applying, id: string): NodeRecord =>
  applying.directory.nodes.get(id) ?? refuse('not-found', 'This node is no member of the cluster.')

const addNode: Handler<NodeAdd> = (applying, p, actor) => {
  const row = applying.get<InvitationRow>(
    'SELECT id, expiresAt, usedAt, usedBy FROM invitation WHERE hash = ?',
    p.invitation,
  )
  if (row === undefined) return refuse('wrong-code', 'The invitation is not known here; make a new one.')
  const { nodes } = applying.directory
  const known = nodes.get(p.id)
  const asksAgain = row.usedBy === p.id && isAwaited(known)
  if (row.usedAt !== null && !asksAgain)
    refuse('wrong-code', 'The invitation was used already; make a new one.')
  if (row.expiresAt < applying.at) refuse('wrong-code', 'The invitation is too old; make a new one.')
  if (known !== undefined) {
    const { name, address, raftPort } = known
    if (asksAgain && name === p.name && address === p.address && raftPort === p.raftPort) return
    refuse(
      'conflict',
      `This node is a member already, as ${name}; to have it join anew, first take it out: holdfast cluster remove ${name}`,
    )
  }
  for (const node of nodes.values()) {
    if (node.name === p.name)
      refuse(
        'name-taken',
        `A node is called ${p.name} already; give this one another name, or take that one out first: holdfast cluster remove ${p.name}.`,
      )
    if (node.address === p.address && node.raftPort === p.raftPort)
      refuse('conflict', `The node ${node.name} is at ${p.address} already; give this one its own address.`)
  }
  applying.run('UPDATE invitation SET usedAt = ?, usedBy = ? WHERE id = ?', applying.at, p.id, row.id)
  applying.run(
    "INSERT INTO node (id, name, site, fingerprint, certificate, addedAt, address, httpsPort, peerPort, raftPort, version) VALUES (?, ?, 'main', '', '', ?, ?, ?, ?, ?, ?)",
    p.id,
    p.name,
    applying.at,
    p.address,
    p.httpsPort,
    p.peerPort,
    p.raftPort,
    p.version,
  )
  applying.changed('node', p.id)
  applying.audit(actor, {
    action: 'cluster.node-added',
    target: p.id,
    detail: { name: p.name, address: p.address, version: p.version, invitation: row.id },
  })
}

export type NodeUpdate = { id: string } & Partial<
  NodeAddresses & {
    version: string
    memberId: string
    fingerprint: string
    certificate: string
  }
>

const columns = [
  'address',
  'httpsPort',
  'peerPort',
  'raftPort',
  'version',
  'memberId',
  'fingerprint',
  'certificate',
] as const

const updateNode: Handler<NodeUpdate> = (applying, p, actor) => {
  const node = nodeOf(applying, p.id)
  const changed: Record<string, unknown> = {}
  for (const column of columns) {
    const value = p[column]
    if (value === undefined) continue
    if (typeof value !== 'string' && !Number.isSafeInteger(value))
      refuse('bad-request', `The ${column} of a node cannot be ${String(value)}.`)
    applying.run(`UPDATE node SET ${column} = ? WHERE id = ?`, value, p.id)
    if (column !== 'certificate') changed[column] = value
  }
  applying.changed('node', p.id)
  applying.audit(actor, {
    action: 'cluster.node-updated',
    target: p.id,
    detail: { name: node.name, ...changed },
  })
}

const removeNode: Handler<{ id: string; reason: string }> = (applying, p, actor) => {
  const node = nodeOf(applying, p.id)
  if (applying.directory.nodes.size === 1)
    refuse('conflict', `${node.name} is the last node; it cannot be taken out.`)
  applying.run('DELETE FROM node WHERE id = ?', p.id)
  applying.changed('node', p.id)
  applying.audit(actor, {
    action: 'cluster.node-removed',
    target: p.id,
    detail: { name: node.name, address: node.address, reason: p.reason },
  })
}

/** Its life counts from the log's own time, which may be ahead of a clock. */
const createInvitation: Handler<{ id: string; hash: string; lifeMs: number }> = (applying, p, actor) => {
  if (!Number.isSafeInteger(p.lifeMs)) refuse('bad-request', 'The life of an invitation is a number of ms.')
  const expiresAt = applying.at + p.lifeMs
  const open = applying.get<{ n: number }>(
    'SELECT count(*) AS n FROM invitation WHERE usedAt IS NULL AND expiresAt >= ?',
    applying.at,
  )
  if ((open?.n ?? 0) >= openInvitations)
    refuse('too-many', `There are ${openInvitations} open invitations; revoke one first.`)
  applying.run('DELETE FROM invitation WHERE expiresAt < ?', applying.at - keptMs)
  applying.run(
    'INSERT INTO invitation (id, hash, createdBy, createdAt, expiresAt) VALUES (?, ?, ?, ?, ?)',
    p.id,
    p.hash,
    actor.name,
    applying.at,
    expiresAt,
  )
  applying.audit(actor, {
    action: 'cluster.invited',
    target: p.id,
    detail: { expiresAt },
  })
  return expiresAt
}

const revokeInvitation: Handler<{ id: string }> = (applying, p, actor) => {
  const { changes } = applying.run('DELETE FROM invitation WHERE id = ? AND usedAt IS NULL', p.id)
  if (changes === 0) refuse('not-found', 'There is no open invitation with this id.')
  applying.audit(actor, { action: 'cluster.invitation-revoked', target: p.id })
}

/** A single node has become the first member of a cluster. */
const created: Handler<{ generation: string; node: string }> = (applying, p, actor) => {
  applying.audit(actor, {
    action: 'cluster.created',
    target: p.node,
    detail: { generation: p.generation },
  })
}

/** A survivor goes on alone after quorum was lost: the other nodes are members no more. */
const recovered: Handler<{ generation: string; node: string; index: number; knownLoss: number }> = (
  applying,
  p,
  actor,
) => {
  const lost = [...applying.directory.nodes.values()].filter((node) => node.id !== p.node)
  for (const node of lost) {
    applying.run('DELETE FROM node WHERE id = ?', node.id)
    applying.changed('node', node.id)
  }
  applying.audit(actor, {
    action: 'cluster.recovered',
    target: p.node,
    detail: {
      generation: p.generation,
      index: p.index,
      knownLoss: p.knownLoss,
      lost: lost.map((node) => node.name).join(', '),
    },
  })
}

/** A node's state was found to differ from the others'. */
const noted: Handler<{ node: string; action: 'diverged'; detail: Record<string, unknown> }> = (
  applying,
  p,
  actor,
) => {
  if (p.action !== 'diverged') refuse('bad-request', 'Nothing to be noted.')
  applying.audit(actor, { action: 'cluster.node-diverged', target: p.node, detail: p.detail })
}

export const clusterHandlers = {
  'node.add': addNode,
  'node.update': updateNode,
  'node.remove': removeNode,
  'invitation.create': createInvitation,
  'invitation.revoke': revokeInvitation,
  'cluster.created': created,
  'cluster.recovered': recovered,
  'cluster.noted': noted,
}
