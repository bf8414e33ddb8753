// `npm run bench -- idle`: what a connection costs that does nothing, and whether all of them can come back at once
// while messages flow; Holdfast beside a bare TLS WebSocket server (bench/floor) in the same run.
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { combine, IdleDriver } from './driver/idle-driver.ts'
import type { IdlePlan, IdleResult } from './driver/idle-plan.ts'
import type { LoadPlan, LoadResult } from './driver/plan.ts'
import { runDriver } from './driver/run-driver.ts'
import { BenchError } from './lib/bench-error.ts'
import { describeMachine } from './lib/machine.ts'
import { readProcessTree } from './lib/process-tree.ts'
import { integer, megabytes, printMachine, printTable, times, writeReport } from './lib/report.ts'
import { Workspace } from './lib/workspace.ts'
import { floor } from './systems/floor.ts'
import { holdfast } from './systems/holdfast.ts'
import type { RunningSystem, System } from './systems/system.ts'

const talkingMembers = 5
/** One person's devices: below the server's limit of connections per person. */
const connectionsPerPerson = 50
const concurrency = 64
const settleMs = 5_000
const calmLoadMs = 3_000
/** Longer than any storm that still counts as served. */
const stormLimitMs = 300_000
const load = { window: 1, bodyBytes: 200, warmUpMs: 1_000 }
const bytesPerConnectionGoal = 75_000

interface IdleRun {
  system: string
  connections: number
  rssBeforeBytes: number
  rssIdleBytes: number
  rssAfterStormBytes: number
  bytesPerConnection: number
  opened: IdleResult
  storm: IdleResult
  calmLoad: LoadResult
  stormLoad: LoadResult
}

const options = parseArgs({
  options: {
    connections: { type: 'string', default: '10000' },
    drivers: { type: 'string', default: '2' },
    systems: { type: 'string', default: 'holdfast,floor' },
  },
}).values
const connections = Number(options.connections)
const drivers = Number(options.drivers)
const systems = [holdfast, floor].filter(({ name }) => options.systems.split(',').includes(name))

async function settledRss(server: RunningSystem): Promise<number> {
  await sleep(settleMs)
  return readProcessTree(server.pid).rssBytes
}

function plansFor(server: RunningSystem): IdlePlan[] {
  const lobby = server.rooms[1]!
  const each = Math.ceil(connections / drivers)
  return Array.from({ length: drivers }, (_, driver) => ({
    endpoint: server.endpoint,
    members: lobby.members.filter((_, index) => index % drivers === driver),
    roomAddress: lobby.address,
    connections: Math.min(each, connections - driver * each),
    sourceAddresses: [2, 3].map((host) => `127.0.${driver}.${host}`),
    concurrency,
  }))
}

function loadPlan(server: RunningSystem, measureMs: number): LoadPlan {
  return { endpoint: server.endpoint, rooms: [server.rooms[0]!], measureMs, ...load }
}

/** All connections break and come back at once; the room talks until the last one is back. */
async function storm(server: RunningSystem, idlers: IdleDriver[]) {
  const isTalking = Promise.withResolvers<void>()
  const results = isTalking.promise.then(() => Promise.all(idlers.map((idler) => idler.storm())))
  const stormLoad = runDriver(loadPlan(server, stormLimitMs), {
    measuring: isTalking.resolve,
    until: results,
  })
  await Promise.race([isTalking.promise, stormLoad])
  return { storm: combine(await results), stormLoad: await stormLoad }
}

async function measure(workspace: Workspace, system: System): Promise<IdleRun> {
  const people = Math.ceil(connections / connectionsPerPerson)
  await using server = await system.start(workspace.directory(system.name), [talkingMembers, people])
  await using stack = new AsyncDisposableStack()
  const idlers = Array.from({ length: drivers }, () => stack.use(new IdleDriver()))
  const calmLoad = await runDriver(loadPlan(server, calmLoadMs))
  const rssBeforeBytes = await settledRss(server)
  const plans = plansFor(server)
  const opened = combine(await Promise.all(idlers.map((idler, index) => idler.open(plans[index]!))))
  const rssIdleBytes = await settledRss(server)
  const stormy = await storm(server, idlers)
  const rssAfterStormBytes = await settledRss(server)
  check(system, [opened, stormy.storm], idlers)
  return {
    system: system.name,
    connections,
    rssBeforeBytes,
    rssIdleBytes,
    rssAfterStormBytes,
    bytesPerConnection: (rssIdleBytes - rssBeforeBytes) / connections,
    opened,
    calmLoad,
    ...stormy,
  }
}

function check(system: System, results: IdleResult[], idlers: IdleDriver[]): void {
  for (const { opened, errors } of results)
    if (opened !== connections)
      throw new BenchError(`${system.name} served ${opened} of ${connections}: ${JSON.stringify(errors)}`)
  const lost = idlers.flatMap((idler) => idler.lost)
  if (lost.length > 0) throw new BenchError(`${system.name} lost ${lost.length} idle connections: ${lost[0]}`)
}

using workspace = new Workspace()
const machine = describeMachine(workspace.root)
printMachine(machine)
const runs: IdleRun[] = []
for (const system of systems) {
  process.stderr.write(`measuring ${system.name} … `)
  runs.push(await measure(workspace, system))
  process.stderr.write('done\n')
}
const bare = runs.at(-1)!
const seconds = (ms: number) => (ms / 1_000).toFixed(1)
printTable(`${integer(connections)} idle connections`, runs, [
  { title: 'system', value: (run) => run.system },
  { title: `of ${bare.system}`, value: (run) => times(run.bytesPerConnection / bare.bytesPerConnection) },
  { title: 'KB each', value: (run) => (run.bytesPerConnection / 1_000).toFixed(1) },
  { title: 'RSS MB before', value: (run) => megabytes(run.rssBeforeBytes) },
  { title: 'idle', value: (run) => megabytes(run.rssIdleBytes) },
  { title: 'after storm', value: (run) => megabytes(run.rssAfterStormBytes) },
  { title: 'open s', value: (run) => seconds(run.opened.elapsedMs) },
  { title: 'storm s', value: (run) => seconds(run.storm.elapsedMs) },
  { title: 'ack p50 ms calm', value: (run) => run.calmLoad.p50Ms.toFixed(1) },
  { title: 'p50 storm', value: (run) => run.stormLoad.p50Ms.toFixed(1) },
  { title: 'p99 storm', value: (run) => run.stormLoad.p99Ms.toFixed(1) },
  { title: 'slowest', value: (run) => run.stormLoad.slowestMs.toFixed(0) },
])
const isWithinGoal = runs[0]!.bytesPerConnection <= bytesPerConnectionGoal
console.log(
  `\n${runs[0]!.system}: goal of ${bytesPerConnectionGoal / 1_000} KB ${isWithinGoal ? 'met' : 'missed'}`,
)
console.log('No connection was refused, lost or failed, neither at first nor in the storm.')
writeReport('idle', { machine, connections, drivers, bytesPerConnectionGoal, runs })
