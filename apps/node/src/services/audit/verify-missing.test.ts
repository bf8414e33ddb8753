import { openDatabase } from '@holdfast/db'
import type Database from 'better-sqlite3'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkpointLimits } from './checkpointer.ts'
import type { AuditRow } from './segment-format.ts'
import { TestCluster } from './test-cluster.ts'
import { segmentsOf, testFolder } from './test-log.ts'
import { verifyAudit } from './verify.ts'
import { MissingCheckpoints } from './verify-missing.ts'

const hourMs = 3600_000

let cluster: TestCluster

beforeAll(async () => {
  cluster = await new TestCluster(2).start()
  for (let i = 0; i < 4; i++) {
    cluster.clock.advance(hourMs)
    cluster.events(25)
    await cluster.settle()
  }
})
afterAll(() => cluster[Symbol.asyncDispose]())

/** The faults of the first node's data after work on its database. */
async function faultsAfter(work: (db: Database.Database) => void): Promise<string[]> {
  await using folder = await testFolder()
  cluster.node(0).machine.db.prepare('VACUUM INTO ?').run(folder.database)
  const db = openDatabase(folder.database, { role: 'writer' })
  try {
    work(db)
    const rows = db.prepare('SELECT seq, event, hash FROM audit_event ORDER BY seq').all() as AuditRow[]
    await using segments = segmentsOf(folder, rows)
    await segments.start()
  } finally {
    db.close()
  }
  return (await verifyAudit({ directory: folder.audit, database: folder.database })).faults
}

it.each([
  ['nothing', "DELETE FROM checkpoint WHERE ''", null],
  [
    'the newest, which one crash may explain',
    'DELETE FROM checkpoint WHERE size = (SELECT max(size) FROM checkpoint)',
    null,
  ],
  ['all', 'DELETE FROM checkpoint', 'no checkpoint covers events'],
  ['all, with their table', 'DROP TABLE checkpoint', 'no checkpoint covers events'],
  [
    'all but the oldest',
    'DELETE FROM checkpoint WHERE size > (SELECT min(size) FROM checkpoint)',
    'no checkpoint covers events',
  ],
  [
    'all but the newest',
    'DELETE FROM checkpoint WHERE size < (SELECT max(size) FROM checkpoint)',
    'the oldest checkpoint is of',
  ],
])('tells of checkpoints that were removed: %s', async (_, sql, told) => {
  const faults = await faultsAfter((db) => db.exec(sql))
  expect(faults).toEqual(told === null ? [] : [expect.stringContaining(told)])
})

const { newsMs, tickMs } = checkpointLimits

/** Lives of a node, each with times between events in minutes, and whether it ended before it made a checkpoint of the last ones. */
const lives = fc.array(
  fc.record({
    restMinutes: fc.integer({ min: 0, max: 5000 }),
    gapsMinutes: fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 6 }),
    crashes: fc.boolean(),
  }),
  { maxLength: 12 },
)

it('never alarms about nodes that end at any moment, as long as not two lives in a row end before their first checkpoint', () => {
  fc.assert(
    fc.property(lives, (given) => {
      const missing = new MissingCheckpoints()
      const told: (string | null)[] = []
      let at = Date.UTC(2026, 0, 1)
      let seq = 0
      let covered = 0
      let coveredAt = 0
      const event = (isKey: boolean) => {
        seq += 1
        missing.event({ seq, at, isKey })
      }
      const cover = () => {
        told.push(missing.covered(seq))
        covered = seq
        coveredAt = at
      }
      let crashedEarly = false
      for (const { restMinutes, gapsMinutes, crashes } of given) {
        at += restMinutes * 60_000
        event(seq === 0)
        if (crashes && !crashedEarly) {
          crashedEarly = true
          continue
        }
        crashedEarly = false
        if (at - coveredAt >= newsMs) cover()
        for (const minutes of gapsMinutes) {
          const next = at + minutes * 60_000
          // What the node does at its looks at the time, until the next event.
          if (seq > covered && next - coveredAt >= newsMs + tickMs) {
            at = Math.max(at, coveredAt + newsMs + tickMs)
            cover()
          }
          at = Math.max(at, next)
          event(false)
        }
      }
      expect([...told, missing.finish()].filter((each) => each !== null)).toEqual([])
    }),
    { numRuns: 2000 },
  )
})
