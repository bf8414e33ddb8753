/** What the state knows of an update of the whole cluster. */
import { type Applying, type Handler, refuse } from '../../state/applying.ts'
import { storeSetting } from '../../state/store-setting.ts'
import {
  isUnderWay,
  type Rollout,
  type RolloutEvent,
  rolloutOf,
  rolloutSetting,
  rolloutTransitions,
} from './rollout.ts'

type Begin = Pick<
  Rollout,
  'id' | 'bundle' | 'bytes' | 'version' | 'source' | 'by' | 'again' | 'allowPause'
> & {
  nodes: string[]
}

const maxReasonChars = 500

const begin: Handler<Begin> = (applying, p, actor) => {
  const { directory } = applying
  if (isUnderWay(rolloutOf(directory))) refuse('conflict', 'An update of the cluster is under way already.')
  const nodes = p.nodes.map((id) => {
    const node = directory.nodes.get(id) ?? refuse('conflict', 'A node has left the cluster meanwhile.')
    return { id, name: node.name, state: 'waiting' as const, reason: null }
  })
  if (new Set(p.nodes).size !== directory.nodes.size)
    refuse('conflict', 'The nodes of the cluster have changed meanwhile; begin again.')
  storeSetting(applying, rolloutSetting, {
    ...p,
    nodes,
    startedAt: applying.at,
    state: 'running',
    reason: null,
    waits: null,
  } satisfies Rollout)
  applying.audit(actor, {
    action: 'update.rollout-begun',
    target: p.version,
    detail: {
      bundle: p.bundle.slice(0, 16),
      nodes: nodes.map(({ name }) => name).join(', '),
      ...(p.allowPause ? { pause: 'allowed' } : {}),
    },
  })
}

interface Step {
  id: string
  node: string
  event: RolloutEvent
  reason: string | null
}

const step: Handler<Step> = (applying, p, actor) => {
  const rollout = current(applying, p.id)
  const node =
    rollout.nodes.find(({ id }) => id === p.node) ?? refuse('not-found', 'This node is not part of it.')
  const state = rolloutTransitions[node.state][p.event]
  if (state === null) return refuse('conflict', `A node that is ${node.state} takes no '${p.event}'.`)
  // The cluster loses one node at a time.
  if (
    p.event === 'ask' &&
    (rollout.state !== 'running' || rollout.nodes.some((each) => each.state === 'asked'))
  )
    refuse('conflict', 'Another node is being updated, or no more are to be.')
  const reason = p.reason?.slice(0, maxReasonChars) ?? null
  const changed = { ...node, state, reason }
  const nodes = rollout.nodes.map((each) => (each.id === p.node ? changed : each))
  const next = outcome({ ...rollout, nodes, waits: null }, changed)
  storeSetting(applying, rolloutSetting, next)
  const actions = {
    ask: 'update.rollout-asked',
    confirm: 'update.rollout-updated',
    fail: 'update.rollout-failed',
  }
  applying.audit(actor, {
    action: actions[p.event],
    target: p.node,
    detail: { version: rollout.version, name: node.name, ...(reason === null ? {} : { reason }) },
    ...(p.event === 'fail' ? { outcome: 'refused' as const } : {}),
  })
  if (!isUnderWay(next)) ended(applying, next, actor)
}

const stop: Handler<{ id: string; reason: string }> = (applying, p, actor) => {
  const rollout = current(applying, p.id)
  const isAsked = rollout.nodes.some(({ state }) => state === 'asked')
  const reason = p.reason.slice(0, maxReasonChars)
  const next: Rollout = { ...rollout, state: isAsked ? 'stopping' : 'stopped', reason, waits: null }
  storeSetting(applying, rolloutSetting, next)
  if (!isAsked) ended(applying, next, actor)
}

const wait: Handler<{ id: string; waits: string | null }> = (applying, p) => {
  const rollout = current(applying, p.id)
  storeSetting(applying, rolloutSetting, { ...rollout, waits: p.waits?.slice(0, maxReasonChars) ?? null })
}

function current(applying: Applying, id: string): Rollout {
  const rollout = rolloutOf(applying.directory)
  if (!isUnderWay(rollout) || rollout.id !== id)
    return refuse('conflict', 'This update of the cluster is not under way any more.')
  return rollout
}

function outcome(rollout: Rollout, changed: Rollout['nodes'][number]): Rollout {
  if (changed.state === 'failed')
    return { ...rollout, state: 'stopped', reason: `${changed.name}: ${changed.reason ?? 'it failed'}` }
  if (rollout.nodes.every(({ state }) => state === 'updated'))
    return { ...rollout, state: 'done', reason: null }
  const isAsked = rollout.nodes.some(({ state }) => state === 'asked')
  return rollout.state === 'stopping' && !isAsked ? { ...rollout, state: 'stopped' } : rollout
}

function ended(applying: Applying, rollout: Rollout, actor: Parameters<typeof stop>[2]): void {
  applying.audit(actor, {
    action: rollout.state === 'done' ? 'update.rollout-done' : 'update.rollout-stopped',
    target: rollout.version,
    detail: {
      updated: rollout.nodes.filter(({ state }) => state === 'updated').length,
      of: rollout.nodes.length,
      ...(rollout.reason === null ? {} : { reason: rollout.reason }),
    },
  })
}

export const rolloutHandlers = {
  'rollout.begin': begin,
  'rollout.step': step,
  'rollout.wait': wait,
  'rollout.stop': stop,
}
