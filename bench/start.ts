// `npm run bench -- start`: from the start of the process until it is ready, and what it then holds in memory while
// nothing happens. Beside it the bare server of bench/floor: what the runtime alone costs.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { BenchError } from './lib/bench-error.ts'
import type { ServerProcess } from './lib/child.ts'
import { initHoldfast, missingHoldfast, serveHoldfast } from './lib/holdfast.ts'
import { describeMachine } from './lib/machine.ts'
import { readProcessTree } from './lib/process-tree.ts'
import { integer, printMachine, printTable, times, writeReport } from './lib/report.ts'
import { Workspace } from './lib/workspace.ts'
import { floor } from './systems/floor.ts'

const pollMs = 5
const settleMs = 5_000

interface Start {
  readyMs: number
  idleRssBytes: number
  idleCpuShare: number
}

interface Subject {
  system: string
  starts: Start[]
}

const options = parseArgs({ options: { runs: { type: 'string', default: '5' } } }).values

/** Measures one start; `begin` resolves when the server is ready and says how to stop it. */
async function measure(begin: () => Promise<Pick<ServerProcess, 'pid'> & AsyncDisposable>): Promise<Start> {
  const startedAt = performance.now()
  await using server = await begin()
  const readyMs = performance.now() - startedAt
  await sleep(settleMs)
  const before = readProcessTree(server.pid)
  await sleep(settleMs)
  const after = readProcessTree(server.pid)
  const idleCpuShare = (after.cpuSeconds - before.cpuSeconds) / (settleMs / 1_000)
  return { readyMs, idleRssBytes: after.rssBytes, idleCpuShare }
}

function median(starts: Start[], figure: (start: Start) => number): number {
  const sorted = starts.map(figure).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]!
}

const missing = missingHoldfast()
if (missing) throw new BenchError(missing)
using workspace = new Workspace()
const machine = describeMachine(workspace.root)
printMachine(machine)

const data = initHoldfast(workspace.directory('holdfast'))
const subjects: Subject[] = [
  { system: 'holdfast', starts: [] },
  { system: 'bare node', starts: [] },
]
for (let run = 0; run < Number(options.runs); run++) {
  const logFile = join(workspace.root, `holdfast-${run}.log`)
  subjects[0]!.starts.push(await measure(async () => (await serveHoldfast(data, { logFile, pollMs })).server))
  const directory = workspace.directory(`floor-${run}`)
  subjects[1]!.starts.push(await measure(() => floor.start(directory, [])))
}

const bare = subjects[1]!
printTable(`Median of ${options.runs} starts`, subjects, [
  { title: 'system', value: ({ system }) => system },
  {
    title: 'RSS of bare',
    value: ({ starts }) =>
      times(median(starts, (s) => s.idleRssBytes) / median(bare.starts, (s) => s.idleRssBytes)),
  },
  { title: 'ready ms', value: ({ starts }) => integer(median(starts, (s) => s.readyMs)) },
  { title: 'idle RSS MB', value: ({ starts }) => (median(starts, (s) => s.idleRssBytes) / 1e6).toFixed(1) },
  { title: 'idle CPU %', value: ({ starts }) => (median(starts, (s) => s.idleCpuShare) * 100).toFixed(1) },
])
writeReport('start', { machine, settleMs, subjects })
