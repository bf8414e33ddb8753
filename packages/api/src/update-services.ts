/** Updates of the machine that a node runs on. All times are milliseconds since 1970. */
import type { UpdateInstall, UpdateUpload } from './contract/update-inputs.ts'
import type { Caller } from './services.ts'

export interface UpdateEventView {
  phase: 'installed' | 'trial' | 'confirmed' | 'rolled-back' | 'refused' | 'failed'
  from: string
  to: string
  by: string
  /** Why it ended as it did; null: as it should. */
  reason: string | null
  at: number
}

/** An update of every node of a cluster, one after the other. */
export interface RolloutView {
  id: string
  version: string
  by: string
  startedAt: number
  /** `stopping`: the node that was asked comes to its end, then nothing more is asked. */
  state: 'running' | 'stopping' | 'done' | 'stopped'
  /** Why it stopped; null: it did not. */
  reason: string | null
  /** For what it waits before the next node is asked; null: for nothing. */
  waits: string | null
  /** In the order in which they are updated. */
  nodes: {
    nodeId: string
    name: string
    state: 'waiting' | 'asked' | 'updated' | 'failed'
    reason: string | null
  }[]
}

export interface UpdateStatusView {
  version: string
  /** How it was installed. `appliance`: image with two slots; `package`: Debian's; `program`: a checkout. */
  kind: 'appliance' | 'package' | 'container' | 'program'
  /** Whether this node's machine installs bundles by itself: the appliance, and a machine with the Debian package. */
  canInstall: boolean
  /** Nodes of the cluster, this one included. */
  nodes: number
  /** The newest update of the cluster; null: there was none. */
  rollout: RolloutView | null
  slot: 'A' | 'B' | null
  /** Whether an update of this machine was asked for, or is being installed. */
  requested: boolean
  /** Newest first. */
  history: UpdateEventView[]
}

export interface UpdateFindingView {
  check: string
  /** `confirm`: installing it needs `allowPause`. */
  level: 'ok' | 'warn' | 'confirm' | 'stop'
  found: string
  mend: string | null
}

export interface UpdateCheckView {
  id: string
  version: string
  date: string
  /** Release notes, Markdown. */
  notes: string
  findings: UpdateFindingView[]
}

export interface UpdatesService {
  status(): UpdateStatusView
  /** @returns bytes there are now */
  upload(value: UpdateUpload, caller: Caller): Promise<{ bytes: number }>
  /** Checks what was uploaded, and the machine. @returns null while it is not done: ask again */
  check(caller: Caller): Promise<UpdateCheckView | null>
  /** Has what was uploaded and checked installed: on this machine, in a cluster on all, one after the other. */
  install(value: UpdateInstall, caller: Caller): Promise<void>
  /** Asks no more nodes; the one that is being updated comes to its end. */
  stopRollout(caller: Caller): Promise<void>
}
