/** A node in the lab under the load of real clients: what the load and the check say, through faults that it survives. */
import { join } from 'node:path'
import { openDatabase } from '@holdfast/db'
import { expect, onTestFailed, test } from 'vitest'
import { ownerName, testPassword } from '../harness.ts'
import { Lab } from './lab.ts'
import { LabNode } from './lab-node.ts'
import { LoadProcess } from './load-process.ts'
import { outcomeTable, runSchedule } from './run-schedule.ts'
import { schedule } from './schedule.ts'
import { verify } from './verify.ts'

const pace = { window: 4, messagesPerSecond: 400, bodyBytes: 300 }
const jumpMs = 3_600_000
const faults = 5

test('a node in the lab, its load through faults, and the check of what it kept', async () => {
  await using lab = await Lab.create({ nodes: 1 })
  const node = new LabNode(lab, 'hf1', { clock: true, diskMebibytes: 512 })
  onTestFailed(() => console.error(`log of the node:\n${node.log.slice(-8000)}`))
  const admin = { name: ownerName, password: testPassword }
  await node.initialize({ facility: 'Testbed', admin: admin.name, password: admin.password })
  await node.start()
  expect(node.etcdPid).toBeNull()
  await using load = await LoadProcess.prepare(lab, {
    ca: node.ca,
    urls: [node.url],
    admin,
    tag: 'x1',
    writers: 3,
    channels: 2,
  })
  await load.start(pace)
  await load.recovered(20)
  const calm = await load.phase()
  expect(calm.acknowledged).toBeGreaterThanOrEqual(60)

  const outcomes = await runSchedule({
    field: { lab, nodes: [node], leader: async () => node, remove: nobody, join: nobody },
    load,
    phasesBefore: 1,
    schedule: schedule(1, {
      durationMs: 60_000,
      nodes: 1,
      faults: ['kill-all', 'pause-leader', 'cut-leader', 'fill-disk', 'clock-forward'],
      calmMs: [100, 200],
      faultMs: [2500, 2500],
    }).slice(0, faults),
  })
  expect(new Set(outcomes.map(({ fault }) => fault.name)).size).toBe(faults)
  for (const { fault, load: seen } of outcomes) {
    expect(seen.acknowledged, fault.name).toBeGreaterThan(0)
    // Nothing can be acknowledged while it is dead, still or cut off.
    if (/kill|pause|cut/.test(fault.name)) expect(seen.longestGapMs, fault.name).toBeGreaterThan(1000)
  }

  await load.pause()
  const alive = { name: 'hf1', dataDir: node.dataDir }
  const record = await load.stop()
  expect(await verify({ nodes: [alive], record, running: true })).toMatchObject({ faults: [], ok: true })
  await node.stop()
  // Times never go back, so that the newest one tells of the jump.
  expect(newestTime(node.dataDir)).toBeGreaterThan(Date.now() + jumpMs / 2)
  const report = await verify({ nodes: [alive], record })
  expect(report).toMatchObject({ faults: [], ok: true, lost: 0, doubled: 0 })
  expect(report.acknowledged).toBe(report.stored)
  expect(report.acknowledged).toBe(record.acknowledged.length)
  for (const { phase, load: seen } of outcomes)
    expect(record.acknowledged.filter((message) => message[4] === phase)).toHaveLength(seen.acknowledged)
  expect(outcomeTable(outcomes, report).split('\n')).toHaveLength(faults + 2)
  expect(record.heard.reduce((sum, { last }) => sum + last, 0)).toBe(report.stored)
})

/** A node by itself has no members. */
const nobody = () => Promise.reject(new Error('this is no cluster'))

/** Milliseconds since 1970 of the newest command. */
function newestTime(dataDir: string): number {
  const db = openDatabase(join(dataDir, 'cluster.db'), { role: 'reader', readonly: true })
  const at = db.prepare('SELECT at FROM applied').pluck().get() as number
  db.close()
  return at
}
