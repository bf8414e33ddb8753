/** Going on with one survivor after quorum was lost for good. */
import type { RecoveryPlan } from '@holdfast/api/cluster-services'
import * as z from 'zod'
import type { ClusterNode } from '../../cluster/cluster-node.ts'
import type { Core } from '../../core.ts'
import type { Actor } from '../../state/commands.ts'

const askMs = 3000
const key = 'recovering'

const statusSchema = z.object({ index: z.int(), state: z.string() })

const pendingSchema = z.object({
  generation: z.string(),
  index: z.int(),
  knownLoss: z.int(),
  actor: z.object({ id: z.string(), name: z.string(), remote: z.string() }),
})

/** A recovery that was begun and has yet to be written into the log. */
export interface PendingRecovery {
  generation: string
  index: number
  knownLoss: number
  actor: Actor
}

/** Compares what the survivors have, and says what would be lost. */
export async function recoveryPlan(core: Core, cluster: ClusterNode): Promise<RecoveryPlan> {
  const { log } = cluster
  const { folder, clock } = core
  const others = await Promise.all(
    cluster.peers().map(async (peer) => {
      const report = log.reports.of(peer.nodeId)
      let index = report?.index ?? 0
      let reachable = false
      try {
        using client = cluster.clientOf(peer)
        const status = statusSchema.parse(await client.status({ timeoutMs: askMs }))
        index = Math.max(index, status.index)
        reachable = true
      } catch {
        // It is among the lost, as far as this node can tell.
      }
      return {
        nodeId: peer.nodeId,
        name: peer.name,
        index,
        reachable,
        self: false,
        lastSeenAt: report?.heardAt ?? null,
      }
    }),
  )
  const own = {
    nodeId: cluster.nodeId,
    name: folder.identity.nodeName,
    index: log.index,
    reachable: true,
    self: true,
    lastSeenAt: clock.now(),
  }
  const knownLoss = Math.max(0, ...others.map((o) => o.index - log.index))
  const lost = others.filter((o) => !o.reachable).length
  const whyNot = log.writable
    ? 'The cluster has its quorum; nothing needs to be recovered.'
    : (cluster.unfitBecause ?? whyNotHere(log.index, others))
  return {
    index: log.index,
    survivors: [own, ...others],
    knownLoss,
    possible: whyNot === null,
    reason:
      whyNot ??
      `This node has the newest state that can be reached; ${lost} of ${others.length + 1} nodes cannot be reached.`,
    warning: warningOf(knownLoss, lost),
  }
}

/** What speaks against going on with this node alone, which is at `index` and has no quorum. */
export function whyNotHere(
  index: number,
  others: readonly { name: string; index: number; reachable: boolean }[],
): string | null {
  const there = others.filter((other) => other.reachable)
  const furthest = there.toSorted((a, b) => b.index - a.index)[0]
  if (furthest !== undefined && furthest.index > index)
    return `${furthest.name} is further ahead (${furthest.index} against ${index}); recover there.`
  const size = others.length + 1
  if (there.length + 1 > size / 2)
    return `${there.length + 1} of ${size} nodes can be reached, which is a majority: they go on by themselves as soon as they have elected one. If ${there.map(({ name }) => name).join(', ')} cannot take part any more, stop it, and ask again.`
  return null
}

function warningOf(knownLoss: number, lost: number): string {
  const known =
    knownLoss > 0
      ? `${knownLoss} entries that another node is known to have had are lost. `
      : 'No entry is known that this node lacks. '
  const missing = lost === 1 ? 'missing node' : `${lost} missing nodes`
  const unheard =
    lost === 0
      ? ''
      : `What the ${missing} may have confirmed in the last second before the end, and this node never heard of, is lost as well. `
  return `${known}${unheard}Nodes that come back later must be set up anew and join again; never let them run beside this one.`
}

export function writePendingRecovery(core: Core, pending: PendingRecovery): void {
  core.folder.nodeDb
    .prepare(
      'INSERT INTO node_setting (key, value, updatedAt) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, updatedAt = excluded.updatedAt',
    )
    .run(key, JSON.stringify(pending), core.clock.now())
}

/** Writes a recovery that was begun into the log, once it takes changes; true when there is none left. */
export async function finishRecovery(core: Core, cluster: ClusterNode): Promise<boolean> {
  const text = core.folder.nodeDb.prepare('SELECT value FROM node_setting WHERE key = ?').pluck().get(key) as
    | string
    | undefined
  if (text === undefined) return true
  const parsed = pendingSchema.safeParse(JSON.parse(text))
  if (!cluster.log.writable) return false
  if (parsed.success && parsed.data.generation === cluster.generation) {
    const { actor, generation, index, knownLoss } = parsed.data
    await core.proposer.propose('cluster.recovered', actor, {
      generation,
      node: cluster.nodeId,
      index,
      knownLoss,
    })
  }
  core.folder.nodeDb.prepare('DELETE FROM node_setting WHERE key = ?').run(key)
  return true
}
