/**
 * An update of the whole cluster, one node after the other. Its state is replicated; whoever leads carries it on
 * (rollout-duty.ts), so that it outlives every node that it restarts, the leader too. Per node:
 *
 *   waiting ──ask──▶ asked ──confirm──▶ updated
 *      │               └──fail──▶ failed, and nothing more is asked
 *      └──confirm (has the version already)──▶ updated
 */
import type { Directory } from '../../state/directory.ts'

export const rolloutStates = ['waiting', 'asked', 'updated', 'failed'] as const
export type RolloutNodeState = (typeof rolloutStates)[number]
export type RolloutEvent = 'ask' | 'confirm' | 'fail'

/** What an event makes of a node's state; null: it cannot happen there. */
export const rolloutTransitions: Readonly<
  Record<RolloutNodeState, Readonly<Record<RolloutEvent, RolloutNodeState | null>>>
> = {
  waiting: { ask: 'asked', confirm: 'updated', fail: 'failed' },
  asked: { ask: null, confirm: 'updated', fail: 'failed' },
  updated: { ask: null, confirm: null, fail: null },
  failed: { ask: null, confirm: null, fail: null },
}

export interface RolloutNode {
  id: string
  name: string
  state: RolloutNodeState
  /** Why it failed. */
  reason: string | null
}

export interface Rollout {
  id: string
  /** Of the bundle: what its manifest's SHA-256 names, its bytes and its version. */
  bundle: string
  bytes: number
  version: string
  /** The node that it was uploaded to. */
  source: string
  by: string
  /** Also where this bundle was taken back before. */
  again: boolean
  /** Also when nobody can write while a node restarts: a cluster of two. */
  allowPause: boolean
  startedAt: number
  /** `stopping`: the node that was asked comes to its end, then nothing more is asked. */
  state: 'running' | 'stopping' | 'done' | 'stopped'
  /** Why it stopped; null: it did not. */
  reason: string | null
  /** For what it waits before it goes on; null: for nothing. */
  waits: string | null
  /** In the order in which they are asked. */
  nodes: RolloutNode[]
}

export const rolloutSetting = 'rollout'

export function rolloutOf(directory: Pick<Directory, 'setting'>): Rollout | null {
  return directory.setting<Rollout | null>(rolloutSetting, null)
}

export function isUnderWay(rollout: Rollout | null): rollout is Rollout {
  return rollout !== null && (rollout.state === 'running' || rollout.state === 'stopping')
}
