// `npm run bench -- messages`: the same load against Holdfast, its floor and two XMPP servers, one after the other.
import { parseArgs } from 'node:util'
import { type MeasuredLoad, runMeasured } from './driver/run-measured.ts'
import { BenchError } from './lib/bench-error.ts'
import { describeMachine, measureFdatasync } from './lib/machine.ts'
import { PeakMemory } from './lib/process-tree.ts'
import { integer, megabytes, percent, printMachine, printTable, times, writeReport } from './lib/report.ts'
import { Workspace } from './lib/workspace.ts'
import { ejabberd, ejabberdTuned } from './systems/ejabberd.ts'
import { floor, floorInArrays } from './systems/floor.ts'
import { holdfast } from './systems/holdfast.ts'
import { prosody, prosodyTuned } from './systems/prosody.ts'
import type { System } from './systems/system.ts'

const roomSizes = [5, 5, 5, 5]
const bodyBytes = 200
const warmUpMs = 2_000
const allSystems = [holdfast, floor, floorInArrays, ejabberdTuned, ejabberd, prosodyTuned, prosody]

interface Run extends MeasuredLoad {
  system: string
  version: string
  setup: string
  window: number
  serverPeakRssBytes: number
  archivedRows: number
  /** Just before the run. */
  fdatasyncMs: number
}

const options = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '1' },
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
  const directory = workspace.directory(`run-${runs.length}`)
  const fdatasyncMs = measureFdatasync(directory)
  await using server = await system.start(directory, roomSizes)
  using memory = new PeakMemory(server.pid)
  const { endpoint, rooms } = server
  const plan = { endpoint, rooms, window, bodyBytes, warmUpMs, measureMs }
  const load = await runMeasured(plan, server.pid)
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
    serverPeakRssBytes: memory.bytes,
    archivedRows,
    fdatasyncMs,
  }
}

/** Of several rounds of a system, the one in the middle. */
function medianRun(system: System, window: number): Run {
  const rounds = runs
    .filter((run) => run.system === system.name && run.window === window)
    .sort((a, b) => a.acknowledgedPerSecond - b.acknowledgedPerSecond)
  return rounds[Math.floor(rounds.length / 2)]!
}

function printRuns(ofWindow: Run[], window: number): void {
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
    { title: 'others CPU', value: (run) => percent(run.othersCpuShare) },
    { title: 'acked in all', value: (run) => integer(run.acknowledgedInTotal) },
    { title: 'archived', value: (run) => integer(run.archivedRows) },
    { title: 'fdatasync ms', value: (run) => run.fdatasyncMs.toFixed(2) },
  ])
}

using workspace = new Workspace()
const machine = describeMachine(workspace.root)
printMachine(machine)
const runs: Run[] = []
for (const window of windows) {
  // Round by round, so that whatever else happens on the machine meets all systems alike.
  for (let round = 1; round <= Number(options.rounds); round++)
    for (const system of systems) {
      process.stderr.write(`measuring ${system.name}, window ${window}, round ${round} … `)
      runs.push(await measure(workspace, system, window))
      process.stderr.write('done\n')
    }
  printRuns(
    systems.map((system) => medianRun(system, window)),
    window,
  )
}
console.log('')
for (const system of systems) console.log(`${system.name} ${system.version()}: ${system.setup}`)
writeReport('messages', { machine, roomSizes, bodyBytes, warmUpMs, measureMs, runs })
