import { closeSync, fdatasyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'

const probeWrites = 100
const probeBytes = 4_096
/** Magic numbers of statfs(2). */
const fileSystems: Record<number, string> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  16914836: 'tmpfs',
  2035054128: 'overlay',
}

export interface Machine {
  cpu: string
  cores: number
  memoryGb: number
  kernel: string
  /** Where the servers keep their data. */
  fileSystem: string
  /** The median of 4 KB writes, each followed by fdatasync: what "on disk" costs here. */
  fdatasyncMs: number
  /** Above 0 before the bench begins, somebody else uses the machine too. */
  loadBefore: number
}

export function describeMachine(dataDirectory: string): Machine {
  const type = statfsSync(dataDirectory).type
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    fileSystem: fileSystems[type] ?? `0x${type.toString(16)}`,
    fdatasyncMs: measureFdatasync(dataDirectory),
    loadBefore: loadavg()[0] ?? 0,
  }
}

/** Milliseconds, the median of a burst; a figure that jumps between runs means that others use the disk. */
export function measureFdatasync(directory: string): number {
  const file = join(directory, 'fdatasync-probe')
  const block = Buffer.alloc(probeBytes, 1)
  const descriptor = openSync(file, 'w')
  const times: number[] = []
  for (let write = 0; write < probeWrites; write++) {
    const startedAt = performance.now()
    writeSync(descriptor, block)
    fdatasyncSync(descriptor)
    times.push(performance.now() - startedAt)
  }
  closeSync(descriptor)
  rmSync(file)
  return times.sort((a, b) => a - b)[probeWrites / 2]!
}
