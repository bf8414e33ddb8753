import { readFileSync, statSync } from 'node:fs'
import { cpus } from 'node:os'
import { hub, type Lab } from '../../apps/node/test/lab/lab.ts'
import type { LoadPlan, LoadResult } from '../driver/plan.ts'
import { runDriver } from '../driver/run-driver.ts'
import { readMachineCpuSeconds, readProcessTree } from '../lib/process-tree.ts'
import type { Member, RunningCluster } from './cluster-system.ts'

export interface ClusterLoad extends LoadResult {
  /** While measuring, of all members together: the servers without their logs' processes, and these. */
  serverCpuSeconds: number
  logCpuSeconds: number
  /** Share of the machine that neither servers nor driver used. */
  othersCpuShare: number
  /** Of the member that has most, since it started: the process that holds the log. */
  logPeakRssBytes: number
  /** Of the largest member; null where there is no such file. */
  logDatabaseBytes: number | null
  /** Disk flushes of the log on all members, from before the first send to after the last answer. */
  flushes: number
}

/** Runs a load from the hub and accounts for what it cost. */
export async function measureLoad(lab: Lab, cluster: RunningCluster, plan: LoadPlan): Promise<ClusterLoad> {
  const { members } = cluster
  const cpu = { server: 0, log: 0, machine: 0 }
  const addCpu = (sign: 1 | -1) => {
    cpu.machine += sign * readMachineCpuSeconds()
    for (const { pid, logPid } of members) {
      const log = logPid === undefined ? 0 : readProcessTree(logPid).cpuSeconds
      cpu.log += sign * log
      cpu.server += sign * (readProcessTree(pid).cpuSeconds - log)
    }
  }
  const flushesBefore = await cluster.flushes()
  const observer = { measuring: () => addCpu(-1), measured: () => addCpu(1) }
  const { rooms, ...load } = await runDriver(plan, observer, lab.within(hub))
  const flushes = (await cluster.flushes()) - flushesBefore
  const measuredSeconds = plan.measureMs / 1_000
  const others = cpu.machine - cpu.server - cpu.log - load.driverCpuShare * measuredSeconds
  return {
    ...load,
    rooms,
    serverCpuSeconds: cpu.server,
    logCpuSeconds: cpu.log,
    othersCpuShare: Math.max(0, others / (measuredSeconds * cpus().length)),
    logPeakRssBytes: Math.max(...members.map(logPeakRssBytes)),
    logDatabaseBytes: largestDatabase(members),
    flushes,
  }
}

export const logPeakRssBytes = (member: Member): number => memoryOf(member.logPid ?? member.pid, 'VmHWM')
export const logRssBytes = (member: Member): number => memoryOf(member.logPid ?? member.pid, 'VmRSS')
export const serverRssBytes = (member: Member): number => memoryOf(member.pid, 'VmRSS')

export function databaseBytes({ databaseFile }: Member): number | null {
  return databaseFile === null ? null : statSync(databaseFile).size
}

function largestDatabase(members: readonly Member[]): number | null {
  const sizes = members.flatMap((member) => databaseBytes(member) ?? [])
  return sizes.length === 0 ? null : Math.max(...sizes)
}

/** A line of proc_pid_status(5). */
function memoryOf(pid: number, line: 'VmHWM' | 'VmRSS'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${line}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1_024
}
