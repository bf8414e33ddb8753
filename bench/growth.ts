// `npm run bench -- growth`: does it stay fast as messages pile up? Fills one node step by step and asks it the same
// questions at every size.
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Room } from './driver/plan.ts'
import { type MeasuredLoad, runMeasured } from './driver/run-measured.ts'
import { fill } from './growth/fill.ts'
import {
  indexCaughtUp,
  probeCommonSearch,
  probePages,
  probeRareSearch,
  probeResume,
  type Times,
} from './growth/probes.ts'
import { ProtocolClient } from './growth/protocol-client.ts'
import { BenchError } from './lib/bench-error.ts'
import { type Curve, drawAscii, drawSvg } from './lib/chart.ts'
import { type HoldfastData, initHoldfast, missingHoldfast, startHoldfast } from './lib/holdfast.ts'
import { describeMachine } from './lib/machine.ts'
import { readProcessTree } from './lib/process-tree.ts'
import { Progress } from './lib/progress.ts'
import {
  integer,
  megabytes,
  outDirectory,
  percent,
  printMachine,
  printTable,
  times,
  writeReport,
} from './lib/report.ts'
import { TrpcClient } from './lib/trpc.ts'
import { Workspace } from './lib/workspace.ts'
import { populate } from './systems/holdfast.ts'

const roomSizes = [5, 5, 5, 5]
const load = { window: 32, bodyBytes: 200, warmUpMs: 2_000 }

interface Step {
  messages: number
  databaseBytes: number
  searchBytes: number
  rssBytes: number
  filledPerSecond: number
  indexSeconds: number
  page: Times
  resume: Times
  rareSearch: Times
  commonSearch: Times
  append: MeasuredLoad
}

const options = parseArgs({
  options: {
    sizes: { type: 'string', default: '10000,1000000,10000000' },
    seconds: { type: 'string', default: '4' },
  },
}).values
const sizes = options.sizes.split(',').map(Number)
const progress = new Progress()

async function measure(data: HoldfastData, rooms: Room[], size: number): Promise<Step> {
  const filled = fill(data.directory, size)
  await using node = await startHoldfast(data)
  const indexSeconds = await indexCaughtUp(node, progress)
  const { secret } = rooms[0]!.members[0]!
  using client = await ProtocolClient.connect(node.port, secret)
  using member = new TrpcClient(node.port)
  member.use(secret)
  // The write-ahead log beside a database holds what has not been moved into it yet.
  const bytes = (name: string) =>
    ['', '-wal'].reduce((sum, suffix) => sum + statSync(join(data.directory, name + suffix)).size, 0)
  const questions = {
    page: await probePages(client),
    resume: await probeResume(client),
    rareSearch: await probeRareSearch(member),
    commonSearch: await probeCommonSearch(member),
  }
  const rssBytes = readProcessTree(node.pid).rssBytes
  // Appending comes last, because it changes the size.
  const measureMs = Number(options.seconds) * 1_000
  const endpoint = { protocol: 'holdfast' as const, port: node.port }
  const append = await runMeasured({ endpoint, rooms, measureMs, ...load }, node.pid)
  return {
    messages: size,
    databaseBytes: bytes('cluster.db'),
    searchBytes: bytes('search.db'),
    rssBytes,
    filledPerSecond: filled.messages / filled.seconds,
    indexSeconds,
    ...questions,
    append,
  }
}

function curvesOf(steps: Step[]): Curve[] {
  const curve = (title: string, unit: string, figure: (step: Step) => number): Curve => ({
    title,
    unit,
    points: steps.map((step) => ({ x: step.messages, y: figure(step) })),
  })
  return [
    curve('Appended', 'acknowledged/s', (step) => step.append.acknowledgedPerSecond),
    curve('Page of 50, p50', 'ms', (step) => step.page.p50Ms),
    curve('Page of 50, p99', 'ms', (step) => step.page.p99Ms),
    curve('Resume of 1,000, p50', 'ms', (step) => step.resume.p50Ms),
    curve('Search, rare word, p50', 'ms', (step) => step.rareSearch.p50Ms),
    curve('Search, common word, p50', 'ms', (step) => step.commonSearch.p50Ms),
  ]
}

const missing = missingHoldfast()
if (missing) throw new BenchError(missing)
using workspace = new Workspace()
const machine = describeMachine(workspace.root)
printMachine(machine)
const data = initHoldfast(workspace.directory('holdfast'))
let rooms: Room[]
{
  await using node = await startHoldfast(data)
  rooms = await populate(node, roomSizes)
}
const steps: Step[] = []
for (const size of sizes) {
  progress.begin(`measuring ${integer(size)} messages`)
  steps.push(await measure(data, rooms, size))
  progress.done()
}

const first = steps[0]!
const ms = (value: number) => value.toFixed(2)
printTable('The same questions at every size', steps, [
  { title: 'messages', value: (step) => integer(step.messages) },
  {
    title: 'append of first',
    value: (step) => times(step.append.acknowledgedPerSecond / first.append.acknowledgedPerSecond),
  },
  { title: 'page of first', value: (step) => times(step.page.p50Ms / first.page.p50Ms) },
  { title: 'append/s', value: (step) => integer(step.append.acknowledgedPerSecond) },
  { title: 'others CPU', value: (step) => percent(step.append.othersCpuShare) },
  { title: 'page p50', value: (step) => ms(step.page.p50Ms) },
  { title: 'p99', value: (step) => ms(step.page.p99Ms) },
  { title: 'resume p50', value: (step) => ms(step.resume.p50Ms) },
  { title: 'p99', value: (step) => ms(step.resume.p99Ms) },
  { title: 'rare search', value: (step) => ms(step.rareSearch.p50Ms) },
  { title: 'common search', value: (step) => ms(step.commonSearch.p50Ms) },
  { title: 'filled/s', value: (step) => integer(step.filledPerSecond) },
  { title: 'DB MB', value: (step) => megabytes(step.databaseBytes) },
  { title: 'index MB', value: (step) => megabytes(step.searchBytes) },
  { title: 'RSS MB', value: (step) => megabytes(step.rssBytes) },
])
const curves = curvesOf(steps)
console.log(`\n${drawAscii(curves)}`)
mkdirSync(outDirectory, { recursive: true })
writeFileSync(join(outDirectory, 'growth.svg'), drawSvg('Holdfast as messages pile up', curves))
console.log('\nCurve: bench/out/growth.svg')
writeReport('growth', { machine, roomSizes, steps })
