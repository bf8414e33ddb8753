import { cpus } from 'node:os'
import { readMachineCpuSeconds, readProcessTree } from '../lib/process-tree.ts'
import type { LoadPlan, LoadResult } from './plan.ts'
import { runDriver } from './run-driver.ts'

export interface MeasuredLoad extends Omit<LoadResult, 'rooms'> {
  serverCpuSeconds: number
  /** Share of the machine that neither the server nor the driver used: what disturbed the run. */
  othersCpuShare: number
}

/** Runs a load and accounts for the CPU time of the machine while it is measured. */
export async function runMeasured(plan: LoadPlan, serverPid: number): Promise<MeasuredLoad> {
  const cpu = { server: 0, machine: 0 }
  const addCpu = (sign: 1 | -1) => {
    cpu.server += sign * readProcessTree(serverPid).cpuSeconds
    cpu.machine += sign * readMachineCpuSeconds()
  }
  const { rooms: _, ...load } = await runDriver(plan, {
    measuring: () => addCpu(-1),
    measured: () => addCpu(1),
  })
  const measuredSeconds = plan.measureMs / 1_000
  const others = cpu.machine - cpu.server - load.driverCpuShare * measuredSeconds
  const othersCpuShare = Math.max(0, others / (measuredSeconds * cpus().length))
  return { ...load, serverCpuSeconds: cpu.server, othersCpuShare }
}
