// `npm run bench -- cluster`: three nodes, each in a network namespace of its own, beside etcd and NATS JetStream.
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { Lab } from '../apps/node/test/lab/lab.ts'
import { type ClusterSystem, clusterSize, describeLoad, type Load } from './cluster/cluster-system.ts'
import { etcdCluster } from './cluster/etcd-cluster.ts'
import { type Goal, judge, judgeDatabase } from './cluster/goals.ts'
import { holdfastCluster } from './cluster/holdfast-cluster.ts'
import { type ClusterLoad, measureLoad } from './cluster/measure.ts'
import { natsCluster } from './cluster/nats-cluster.ts'
import { type Sample, Samples } from './cluster/samples.ts'
import type { LoadPlan } from './driver/plan.ts'
import { BenchError } from './lib/bench-error.ts'
import { describeMachine } from './lib/machine.ts'
import { Progress } from './lib/progress.ts'
import { integer, megabytes, percent, printMachine, printTable, times, writeReport } from './lib/report.ts'

const bodyBytes = 300
const allSystems = [holdfastCluster, etcdCluster, natsCluster]
const loadForm = /^(\d+)x(\d+)$/

interface Run extends Omit<ClusterLoad, 'rooms'> {
  system: string
  version: string
  load: Load
}

const options = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    'warm-up': { type: 'string', default: '8' },
    minutes: { type: 'string' },
    loads: { type: 'string' },
    systems: { type: 'string' },
  },
}).values
const isLong = options.minutes !== undefined
const measureMs = isLong ? Number(options.minutes) * 60_000 : Number(options.seconds) * 1_000
const warmUpMs = Number(options['warm-up']) * 1_000
const loads = (options.loads ?? (isLong ? '3x200' : '3x200,1x300')).split(',').map(parseLoad)
const systems = (options.systems ?? (isLong ? 'holdfast' : 'holdfast,etcd,nats')).split(',').map(findSystem)
if (!(measureMs > 0 && warmUpMs >= 0))
  throw new BenchError('--seconds, --minutes and --warm-up are numbers above 0')

function parseLoad(text: string): Load {
  const [, writers, window] = (loadForm.exec(text) ?? []).map(Number)
  if (!writers || !window)
    throw new BenchError(
      `a load is WRITERSxWINDOW, such as 3x200 for three writers with 200 messages each, not ${text}`,
    )
  return { writers, window }
}

function findSystem(name: string): ClusterSystem {
  const system = allSystems.find((candidate) => candidate.name === name)
  if (!system)
    throw new BenchError(`no system is called ${name}: ${allSystems.map((s) => s.name).join(', ')}`)
  const missing = system.missing()
  if (missing) throw new BenchError(`${name}: ${missing}`)
  return system
}

async function makeLab(): Promise<Lab> {
  try {
    return await Lab.create({ nodes: clusterSize })
  } catch (error) {
    throw new BenchError((error as Error).message)
  }
}

/** All loads on one cluster of a system, and what it has of them at the end. */
async function measureSystem(system: ClusterSystem): Promise<void> {
  await using lab = await makeLab()
  const own = new Set(loads.map((load) => JSON.stringify(system.load?.(load) ?? load)))
  const systemLoads = [...own].map((load) => JSON.parse(load) as Load)
  progress.begin(`starting ${system.name}`)
  await using cluster = await system.start(lab, systemLoads)
  progress.done()
  const results: ClusterLoad[] = []
  for (const [index, load] of systemLoads.entries()) {
    progress.begin(`measuring ${system.name}, ${describeLoad(load)}`)
    const rooms = cluster.roomsOf[index]!
    const plan: LoadPlan = {
      endpoint: rooms[0]!.endpoint!,
      rooms,
      window: load.window,
      bodyBytes,
      warmUpMs,
      measureMs,
    }
    using sampling = new Samples(cluster.members, lab.folder)
    const result = await Promise.race([measureLoad(lab, cluster, plan), sampling.trouble])
    results.push(result)
    const { rooms: _, ...figures } = result
    runs.push({ system: system.name, version: system.version(), load, ...figures })
    if (isLong) samples.push({ system: system.name, load, taken: sampling.taken })
    progress.done()
  }
  progress.begin(`checking ${system.name}`)
  await cluster.check(results)
  progress.done()
}

function findRun(system: ClusterSystem, writers?: number): Run | undefined {
  return runs.find((run) => run.system === system.name && (writers ?? run.load.writers) === run.load.writers)
}

function printRuns(): void {
  const etcd = findRun(etcdCluster)
  printTable(
    `${clusterSize} nodes, ${bodyBytes} bytes, ${measureMs / 1_000} s after ${warmUpMs / 1_000} s`,
    runs,
    [
      { title: 'system', value: (run) => run.system },
      { title: 'load', value: (run) => describeLoad(run.load) },
      {
        title: "etcd's puts",
        value: (run) => (etcd ? times(run.acknowledgedPerSecond / etcd.acknowledgedPerSecond) : '–'),
      },
      { title: 'acked/s', value: (run) => integer(run.acknowledgedPerSecond) },
      { title: 'p50 ms', value: (run) => run.p50Ms.toFixed(1) },
      { title: 'p99 ms', value: (run) => run.p99Ms.toFixed(1) },
      { title: 'servers CPU s', value: (run) => run.serverCpuSeconds.toFixed(1) },
      {
        title: 'their etcd CPU s',
        value: (run) => (run.logCpuSeconds > 0 ? run.logCpuSeconds.toFixed(1) : '–'),
      },
      { title: 'driver CPU', value: (run) => percent(run.driverCpuShare) },
      { title: 'others CPU', value: (run) => percent(run.othersCpuShare) },
      { title: 'log peak RSS MB', value: (run) => megabytes(run.logPeakRssBytes) },
      {
        title: 'log database MB',
        value: (run) => (run.logDatabaseBytes === null ? '–' : megabytes(run.logDatabaseBytes)),
      },
      { title: 'acked in all', value: (run) => integer(run.acknowledgedInTotal) },
      { title: 'flushes', value: (run) => integer(run.flushes) },
      { title: 'for 1,000', value: (run) => ((run.flushes / run.acknowledgedInTotal) * 1_000).toFixed(1) },
    ],
  )
}

function printSamples({ taken }: { taken: Sample[] }): void {
  const list = (values: (number | null)[]) =>
    values.map((value) => (value === null ? '–' : megabytes(value))).join(' ')
  printTable('Memory and database of etcd, and memory of the node, on each host', taken, [
    { title: 's', value: (sample) => String(sample.seconds) },
    { title: 'etcd RSS MB', value: (sample) => list(sample.logRssBytes) },
    { title: 'database MB', value: (sample) => list(sample.logDatabaseBytes) },
    { title: 'node RSS MB', value: (sample) => list(sample.serverRssBytes) },
  ])
}

function judgeAll(): Goal[] {
  const three = findRun(holdfastCluster, 3)
  const one = findRun(holdfastCluster, 1)
  const etcdPerSecond = findRun(etcdCluster)?.acknowledgedPerSecond
  const judged = judge({
    ...(three && { three }),
    ...(one && { one }),
    ...(etcdPerSecond && { etcdPerSecond }),
  })
  const largest = (sample: Sample) => Math.max(...sample.logDatabaseBytes.map((bytes) => bytes ?? 0))
  const long = samples.find(({ system }) => system === holdfastCluster.name)
  return long ? [...judged, judgeDatabase(long.taken.map(largest))] : judged
}

const machine = describeMachine(tmpdir())
printMachine(machine)
const progress = new Progress()
const runs: Run[] = []
const samples: { system: string; load: Load; taken: Sample[] }[] = []
for (const system of systems) await measureSystem(system)
printRuns()
for (const each of samples) printSamples(each)
const goals = judgeAll()
printTable('Goals', goals, [
  { title: 'goal', value: ({ goal }) => goal },
  { title: 'measured', value: ({ value }) => value },
  { title: 'reached', value: ({ reached }) => (reached === null ? '–' : reached ? 'yes' : 'no') },
])
console.log(
  '\nEvery acknowledged message was found again: at Holdfast in the databases of all nodes, once, in its place.',
)
for (const system of systems) {
  console.log(`${system.name} ${system.version()}: ${system.setup}`)
  console.log(`  flushes: ${system.countsFlushes}`)
}
writeReport(isLong ? 'cluster-minutes' : 'cluster', {
  machine,
  bodyBytes,
  warmUpMs,
  measureMs,
  runs,
  samples,
  goals,
})
