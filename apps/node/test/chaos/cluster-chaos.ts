/**
 * Chaos on a cluster of three nodes: faults by a seed's schedule while real clients write and read, then the check of
 * everything that was acknowledged.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FaultName } from '../lab/fault-kinds.ts'
import { hub, Lab } from '../lab/lab.ts'
import { LabCluster } from '../lab/lab-cluster.ts'
import { LoadProcess } from '../lab/load-process.ts'
import type { Pace } from '../lab/load-record.ts'
import type { RevocationPlan, Revocations } from '../lab/revocations.ts'
import { describeOutcome, type FaultOutcome, outcomeTable, runSchedule } from '../lab/run-schedule.ts'
import { schedule } from '../lab/schedule.ts'
import { type VerifyReport, verify } from '../lab/verify.ts'
import { pinnedNode } from '../node-process.ts'

export interface ChaosOptions {
  seed: number
  durationMs: number
  faults: readonly FaultName[]
  nodes?: number
  calmMs?: readonly [least: number, most: number]
  faultMs?: readonly [least: number, most: number]
  pace?: Pace
  onLine?(line: string): void
  /** Folder for the logs of the nodes and what the writers' connections did. */
  logs?: string
}

export interface ChaosResult {
  outcomes: FaultOutcome[]
  /** After the faults, under load. */
  revocations: Revocations
  /** Of the nodes while they run, and of what they left on disk. */
  running: VerifyReport
  stopped: VerifyReport
  table: string
}

const defaultPace: Pace = { window: 8, messagesPerSecond: 300, bodyBytes: 300 }
const revocationsProgram = join(import.meta.dirname, '..', 'lab', 'revocations.ts')
const writers = 6
const channels = 3
/** Acknowledgements of each writer before the first fault. */
const warmUpMessages = 20
/** A disk holds the databases, and etcd's preallocated files, of a run with room to spare. */
const diskMebibytes = (durationMs: number) => 768 + Math.ceil(durationMs / 60_000) * 32

/** @throws Error with the ends of the nodes' logs when the cluster does not come back from a fault */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const {
    seed,
    durationMs,
    faults,
    nodes = 3,
    calmMs,
    faultMs,
    pace = defaultPace,
    onLine = () => {},
    logs,
  } = options
  await using lab = await Lab.create({ nodes })
  onLine(`seed ${seed}: a cluster of ${nodes} nodes grows`)
  const cluster = await LabCluster.create(lab, { clock: true, diskMebibytes: diskMebibytes(durationMs) })
  try {
    await using load = await LoadProcess.prepare(lab, {
      ca: cluster.nodes[0]!.ca,
      urls: cluster.nodes.map((node) => node.url),
      admin: cluster.admin,
      tag: `s${seed}`,
      writers,
      channels,
    })
    await load.start(pace)
    await load.recovered(warmUpMessages)
    const timed = schedule(seed, {
      durationMs,
      nodes,
      faults,
      ...(calmMs ? { calmMs } : {}),
      ...(faultMs ? { faultMs } : {}),
    })
    const outcomes = await runSchedule({
      field: cluster,
      load,
      schedule: timed,
      onOutcome: (outcome) => onLine(describeOutcome(outcome)),
    })
    const revocations = await revoked(cluster, `r${seed}`)
    const record = await load.stop()
    if (logs) writeFileSync(join(logs, 'writers.log'), record.states.map((line) => `${line}\n`).join(''))
    await cluster.settled()
    const places = cluster.nodes.map(({ host, dataDir }) => ({ name: host, dataDir }))
    const running = await verify({ nodes: places, record, running: true })
    await Promise.all(cluster.nodes.map((node) => node.stop()))
    const stopped = await verify({ nodes: places, record, stoppedApart: true })
    return { outcomes, revocations, running, stopped, table: outcomeTable(outcomes, stopped) }
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}\n${cluster.logs}`, { cause: error })
  } finally {
    if (logs) for (const node of cluster.nodes) writeFileSync(join(logs, `${node.host}.log`), node.log)
  }
}

/** How soon sessions and devices that end at one node are cut off at all. */
async function revoked(cluster: LabCluster, tag: string): Promise<Revocations> {
  const { lab, nodes, admin } = cluster
  const plan: RevocationPlan = { ca: nodes[0]!.ca, urls: nodes.map((node) => node.url), admin, tag }
  return JSON.parse(await lab.run(hub, [pinnedNode, revocationsProgram], JSON.stringify(plan))) as Revocations
}
