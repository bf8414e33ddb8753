import type { Lab } from '../../apps/node/test/lab/lab.ts'
import type { LoadResult, Room } from '../driver/plan.ts'

/** Every cluster of a run has so many members, each in a network namespace of its own. */
export const clusterSize = 3

/** Writers take turns over the nodes; each keeps `window` messages unacknowledged. */
export interface Load {
  writers: number
  window: number
}

export interface Member {
  /** The server. */
  pid: number
  /** The process that holds the log, where that is a child of the server: etcd below a node. */
  logPid?: number
  /** Where the log's database is; null where there is no such file. */
  databaseFile: string | null
}

/** A cluster that runs, with everything made that the loads need. */
export interface RunningCluster extends AsyncDisposable {
  members: Member[]
  /** One for each load, in their order; a room belongs to one load only. */
  roomsOf: Room[][]
  /** Disk flushes of the log on all members so far. */
  flushes(): Promise<number>
  /** Makes sure that the cluster has everything that was acknowledged. @throws BenchError in one line */
  check(results: readonly LoadResult[]): Promise<void>
}

export interface ClusterSystem {
  name: string
  /** How it was set up, in a line: what a reader must know to judge the figures. */
  setup: string
  /** How `flushes` counts. */
  countsFlushes: string
  missing(): string | undefined
  version(): string
  /** The load that this system is put under, when it is not the one that was asked for. */
  load?(asked: Load): Load
  start(lab: Lab, loads: readonly Load[]): Promise<RunningCluster>
}

/** The host of a writer: they take turns. */
export const hostOf = (lab: Lab, writer: number): string => lab.nodes[writer % lab.nodes.length]!

export const describeLoad = ({ writers, window }: Load): string => `${writers} × ${window}`
