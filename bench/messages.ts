// `npm run bench -- messages`: the same load against Holdfast, its floor and two XMPP servers, one after the other.
import { parseArgs } from 'node:util'
import type { LoadResult } from './driver/plan.ts'
import { runDriver } from './driver/run-driver.ts'
import { BenchError } from './lib/bench-error.ts'
import { describeMachine } from './lib/machine.ts'
import { PeakMemory, readProcessTree } from './lib/process-tree.ts'
import { integer, megabytes, percent, printMachine, printTable, times, writeReport } from './lib/report.ts'
import { Workspace } from './lib/workspace.ts'
import { ejabberd, ejabberdTuned } from './systems/ejabberd.ts'
import { floor } from './systems/floor.ts'
import { holdfast } from './systems/holdfast.ts'
import { prosody, prosodyTuned } from './systems/prosody.ts'
import type { System } from './systems/system.ts'

const roomSizes = [5, 5, 5, 5]
const bodyBytes = 200
const warmUpMs = 2_000
const allSystems = [holdfast, floor, ejabberdTuned, ejabberd, prosodyTuned, prosody]

interface Run extends LoadResult {
  system: string
  version: string
  setup: string
  window: number
  serverCpuSeconds: number
  serverPeakRssBytes: number
  archivedRows: number
}

const options = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    windows: { type: 'string', default: '32,1' },
    systems: { type: 'string', default: allSystems.map(({ name }) => name).join() },
  },
}).values
const measureMs = Number(options.seconds) * 1_000
const windows = options.windows.split(',').map(Number)
const systems = options.systems.split(',').map(findSystem)

function findSystem(name: string): System {
  const system = allSystems.find((candidate) => candidate.name === name)
  if (!system)
    throw new BenchError(`no system is called ${name}: ${allSystems.map((s) => s.name).join(', ')}`)
  const missing = system.missing()
  if (missing) throw new BenchError(`${name}: ${missing}`)
  return system
}

async function measure(workspace: Workspace, system: System, window: number): Promise<Run> {
  await using server = await system.start(workspace.directory(`${system.name}-${window}`), roomSizes)
  using memory = new PeakMemory(server.pid)
  let cpuSeconds = 0
  const { endpoint, rooms } = server
  const load = await runDriver(
    { endpoint, rooms, window, bodyBytes, warmUpMs, measureMs },
    {
      measuring: () => {
        cpuSeconds -= readProcessTree(server.pid).cpuSeconds
      },
      measured: () => {
        cpuSeconds += readProcessTree(server.pid).cpuSeconds
      },
    },
  )
  const archivedRows = server.archivedRows()
  if (archivedRows < load.acknowledgedInTotal)
    throw new BenchError(
      `${system.name} acknowledged ${load.acknowledgedInTotal} messages and archived ${archivedRows}`,
    )
  return {
    system: system.name,
    version: system.version(),
    setup: system.setup,
    window,
    ...load,
    serverCpuSeconds: cpuSeconds,
    serverPeakRssBytes: memory.bytes,
    archivedRows,
  }
}

function printRuns(runs: Run[], window: number): void {
  const ofWindow = runs.filter((run) => run.window === window)
  const reference = ofWindow[0]!
  printTable(`Rooms of ${roomSizes.join(', ')} members, ${bodyBytes} bytes, window ${window}`, ofWindow, [
    { title: 'system', value: (run) => run.system },
    {
      title: `${reference.system} is`,
      value: (run) => times(reference.acknowledgedPerSecond / run.acknowledgedPerSecond),
    },
    { title: 'acked/s', value: (run) => integer(run.acknowledgedPerSecond) },
    { title: 'deliveries/s', value: (run) => integer(run.deliveriesPerSecond) },
    { title: 'p50 ms', value: (run) => run.p50Ms.toFixed(2) },
    { title: 'p99 ms', value: (run) => run.p99Ms.toFixed(2) },
    { title: 'server CPU s', value: (run) => run.serverCpuSeconds.toFixed(1) },
    { title: 'peak RSS MB', value: (run) => megabytes(run.serverPeakRssBytes) },
    { title: 'driver CPU', value: (run) => percent(run.driverCpuShare) },
    { title: 'acked in all', value: (run) => integer(run.acknowledgedInTotal) },
    { title: 'archived', value: (run) => integer(run.archivedRows) },
  ])
}

using workspace = new Workspace()
const machine = describeMachine(workspace.root)
printMachine(machine)
const runs: Run[] = []
for (const window of windows) {
  for (const system of systems) {
    process.stderr.write(`measuring ${system.name}, window ${window} … `)
    runs.push(await measure(workspace, system, window))
    process.stderr.write('done\n')
  }
  printRuns(runs, window)
}
console.log('')
for (const system of systems) console.log(`${system.name} ${system.version()}: ${system.setup}`)
writeReport('messages', { machine, roomSizes, bodyBytes, warmUpMs, measureMs, runs })
