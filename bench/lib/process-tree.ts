import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
const pageBytes = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }))
const sampleMs = 250

interface ProcessFigures {
  parent: number
  cpuSeconds: number
  rssBytes: number
}

export interface TreeFigures {
  cpuSeconds: number
  rssBytes: number
}

/** CPU time and resident memory of a process and all its descendants, from /proc (proc_pid_stat(5)). */
export function readProcessTree(rootPid: number): TreeFigures {
  const processes = new Map<number, ProcessFigures>()
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    const figures = Number.isInteger(pid) ? readProcess(pid) : undefined
    if (figures) processes.set(pid, figures)
  }
  const total: TreeFigures = { cpuSeconds: 0, rssBytes: 0 }
  for (const [pid, figures] of processes) {
    if (!descendsFrom(processes, pid, rootPid)) continue
    total.cpuSeconds += figures.cpuSeconds
    total.rssBytes += figures.rssBytes
  }
  return total
}

/** CPU time that all processes and the kernel of this machine have used since it started, from /proc/stat. */
export function readMachineCpuSeconds(): number {
  const [total] = readFileSync('/proc/stat', 'latin1').split('\n')
  const [user, nice, system, , , irq, softirq, steal] = total!.trim().split(/\s+/).slice(1).map(Number)
  const ticks = [user, nice, system, irq, softirq, steal].reduce<number>(
    (sum, value) => sum + (value ?? 0),
    0,
  )
  return ticks / ticksPerSecond
}

function readProcess(pid: number): ProcessFigures | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return undefined // it ended between the listing and the read
  }
  // The command name in parentheses may hold spaces; the fields after it are counted from the third one, `state`.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0)
  return {
    parent: Number(fields[1]),
    cpuSeconds: ticks / ticksPerSecond,
    rssBytes: Number(fields[21]) * pageBytes,
  }
}

function descendsFrom(processes: Map<number, ProcessFigures>, pid: number, ancestor: number): boolean {
  for (let current = pid; current > 0; current = processes.get(current)?.parent ?? 0)
    if (current === ancestor) return true
  return false
}

/** Remembers the highest memory of a process tree from its construction until it is disposed of. */
export class PeakMemory implements Disposable {
  readonly #timer: NodeJS.Timeout
  #peakBytes = 0

  constructor(pid: number) {
    const sample = () => {
      this.#peakBytes = Math.max(this.#peakBytes, readProcessTree(pid).rssBytes)
    }
    sample()
    this.#timer = setInterval(sample, sampleMs)
  }

  get bytes(): number {
    return this.#peakBytes
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
