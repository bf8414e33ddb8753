// `npm run bench -- snapshot`: whether giving a whole database to another node is felt by this node's own writer. Rounds
// with and without a snapshot alternate, so that what others do on the machine falls on both; a plain copy of the same file,
// flushed and removed in one go, shows what the disk itself does to the writer.
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { copyFile, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { openDatabase } from '@holdfast/db'
import { generation, materialOf, nodeIdOf, TestPeer } from '../apps/node/src/peer/peer-fixture.ts'
import { TestFolder } from '../apps/node/src/peer/snapshot-fixture.ts'
import { SnapshotMaker } from '../apps/node/src/peer/snapshot-maker.ts'
import { createLogger } from '../apps/node/src/platform/logger.ts'
import { describeMachine } from './lib/machine.ts'
import { integer, megabytes, printMachine, printTable, writeReport } from './lib/report.ts'
import { Workspace } from './lib/workspace.ts'
import type { ReaderPlan, ReaderResult } from './snapshot/reader-thread.ts'
import { goalMs, type ToWriter, type WriterPlan, type WriterResult } from './snapshot/writer-thread.ts'

/** Messages before the first size is looked at, and between two looks. */
const fillMessages = 50_000
/** Time after a snapshot that still counts as its own: what it left is written out then. */
const afterMs = 3000

const options = parseArgs({
  options: {
    megabytes: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
    synchronous: { type: 'string', default: 'NORMAL' },
    batch: { type: 'string', default: '40' },
  },
}).values
const sizeBytes = Number(options.megabytes) * 1e6

interface Round extends WriterResult {
  round: string
  seconds: number
  /** Time of making and sending, or of the plain copy; 0 without either. */
  snapshotMs: number
  /** Longest time that the event loop of the sending node stood still. */
  loopMs: number
}

function fill(folder: TestFolder): void {
  const db = folder.open({ mark: 'bench' })
  db.pragma('synchronous = OFF')
  const insert = db.prepare('INSERT INTO message (key, sender, clientId, at, body) VALUES (?, ?, ?, 0, ?)')
  const body = 'x'.repeat(300)
  let key = 0
  const more = db.transaction(() => {
    for (let i = 0; i < fillMessages; i++) insert.run(++key, key % 100, `m${key}`, body)
  })
  while (statSync(folder.databaseFile).size < sizeBytes) more()
  db.close()
}

async function fetchSnapshot(plan: ReaderPlan): Promise<ReaderResult> {
  const reader = new Worker(join(import.meta.dirname, 'snapshot/reader-thread.ts'), { workerData: plan })
  const [result] = (await once(reader, 'message')) as [ReaderResult]
  await reader.terminate()
  return result
}

/** What `cp` and a flush do. @returns how long it took, ms */
async function plainCopy(from: string): Promise<number> {
  const startedAt = performance.now()
  const to = `${from}.plain`
  await copyFile(from, to)
  const file = await open(to, 'r+')
  await file.sync()
  await file.close()
  await rm(to)
  return performance.now() - startedAt
}

using workspace = new Workspace()
const machine = describeMachine(workspace.root)
printMachine(machine)
using folder = new TestFolder()
fill(folder)
const synchronous = options.synchronous === 'FULL' ? 'FULL' : 'NORMAL'
const plan: WriterPlan = {
  databaseFile: folder.databaseFile,
  synchronous,
  batchMessages: Number(options.batch),
  everyMs: 5,
}
const writer = new Worker(join(import.meta.dirname, 'snapshot/writer-thread.ts'), { workerData: plan })
const tell = (message: ToWriter) => writer.postMessage(message)
await using maker = new SnapshotMaker({
  dataFolder: folder.path,
  logger: createLogger({ level: 'error' }),
  holdCheckpoints: (held) => tell({ t: 'hold', held }),
  shareMs: 0,
})
await using sender = await TestPeer.start(1, { server: { snapshots: maker } })
sender.knows({ nodeId: nodeIdOf(2) })
const readerPlan: ReaderPlan = {
  member: sender.address,
  material: await materialOf(nodeIdOf(2)),
  generation,
}
let loopMs = 0
let tickedAt = performance.now()
const ticker = setInterval(() => {
  const now = performance.now()
  loopMs = Math.max(loopMs, now - tickedAt - 5)
  tickedAt = now
}, 5)

async function measure(round: string, work: () => Promise<number>): Promise<Round> {
  await sleep(afterMs)
  tell({ t: 'begin' })
  loopMs = 0
  const startedAt = performance.now()
  const snapshotMs = await work()
  await sleep(afterMs)
  tell({ t: 'end' })
  const [result] = (await once(writer, 'message')) as [WriterResult]
  return { round, ...result, snapshotMs, loopMs, seconds: (performance.now() - startedAt) / 1000 }
}

const rounds: Round[] = []
let lastMs = 5000
for (let i = 1; i <= Number(options.rounds); i++) {
  rounds.push(await measure('without', () => sleep(lastMs, 0)))
  rounds.push(await measure('with snapshot', async () => (await fetchSnapshot(readerPlan)).elapsedMs))
  lastMs = rounds.at(-1)?.snapshotMs ?? lastMs
  rounds.push(await measure('plain copy', () => plainCopy(folder.databaseFile)))
}
clearInterval(ticker)
await writer.terminate()
const check = openDatabase(folder.databaseFile, { role: 'reader' })
const stored = check.prepare('SELECT count(*) FROM message').pluck().get() as number
check.close()
const ms = (value: number) => value.toFixed(1)
printTable(
  `A writer of ${integer((1000 / plan.everyMs) * plan.batchMessages)} messages/s at most, ${megabytes(statSync(folder.databaseFile).size)} MB, synchronous=${synchronous}`,
  rounds,
  [
    { title: 'round', value: (r) => r.round },
    { title: 'seconds', value: (r) => r.seconds.toFixed(1) },
    { title: 'snapshot s', value: (r) => (r.snapshotMs / 1000).toFixed(1) },
    { title: 'commits', value: (r) => integer(r.commits) },
    { title: 'p50 ms', value: (r) => ms(r.p50Ms) },
    { title: 'p99', value: (r) => ms(r.p99Ms) },
    { title: 'slowest', value: (r) => ms(r.slowestMs) },
    { title: `over ${goalMs}`, value: (r) => integer(r.stalls) },
    { title: 'event loop', value: (r) => ms(r.loopMs) },
    { title: 'WAL MB', value: (r) => megabytes(r.walBytes) },
  ],
)
console.log(`\n${integer(stored)} messages are stored.`)
writeReport('snapshot', { machine, plan, goalMs, rounds })
