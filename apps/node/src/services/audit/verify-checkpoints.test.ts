import { rm } from 'node:fs/promises'
import { openDatabase } from '@holdfast/db'
import type Database from 'better-sqlite3'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Checkpoint,
  checkpointText,
  cosignCheckpoint,
  cosignerKey,
  readCheckpoint,
  signCheckpoint,
  withLine,
} from './checkpoint.ts'
import { Frontier, leafHash } from './merkle.ts'
import type { AuditRow } from './segment-format.ts'
import { encodeKey, type Signer } from './signed-note.ts'
import { rewriteHistory, TestCluster } from './test-cluster.ts'
import { segmentsOf, type TestFolder, testFolder } from './test-log.ts'
import { testSigner } from './test-signer.ts'
import { verifyAudit } from './verify.ts'

let cluster: TestCluster
/** The newest checkpoint with its lines, as somebody kept it elsewhere. */
let kept: string
let size: number
let events: number

beforeAll(async () => {
  cluster = await new TestCluster(2).start()
  for (let i = 0; i < 3; i++) {
    cluster.events(25)
    await cluster.settle()
  }
  cluster.events(7)
  kept = cluster.node(0).state().newest()?.note ?? ''
  size = readCheckpoint(kept).size
  events = cluster.node(0).state().head()
  expect(readCheckpoint(kept).lines).toHaveLength(2)
  expect(events).toBe(size + 7)
})
afterAll(() => cluster[Symbol.asyncDispose]())

/** Few files: how they are cut is tested elsewhere. */
const segmentBytes = 100_000

const rowsOf = (db: Database.Database) =>
  db.prepare('SELECT seq, event, hash FROM audit_event ORDER BY seq').all() as AuditRow[]

/** The first node's data after somebody worked on the database and wrote the files anew to fit. */
async function tampered(work: (db: Database.Database) => void = () => {}): Promise<TestFolder> {
  const folder = await testFolder()
  cluster.node(0).machine.db.prepare('VACUUM INTO ?').run(folder.database)
  const db = openDatabase(folder.database, { role: 'writer' })
  try {
    work(db)
    await rm(folder.audit, { recursive: true, force: true })
    await using segments = segmentsOf(folder, rowsOf(db), { segmentBytes })
    await segments.start()
  } finally {
    db.close()
  }
  return folder
}

const verify = (folder: TestFolder, against?: string) =>
  verifyAudit({
    directory: folder.audit,
    database: folder.database,
    ...(against !== undefined && { against }),
  })

describe('a history that is whole', () => {
  it('agrees with its checkpoints and with those kept elsewhere', async () => {
    await using folder = await tampered()
    const stored = cluster.node(0).machine.db.prepare('SELECT count(*) FROM checkpoint').pluck().get()
    expect(await verify(folder)).toMatchObject({ ok: true, faults: [], checkpoints: stored, against: null })
    expect(await verify(folder, kept)).toMatchObject({
      ok: true,
      against: { size, signedBy: ['node1', 'node2'] },
    })
  })

  it('verifies when the database knows no checkpoints yet', async () => {
    await using folder = await tampered((db) => db.exec('DROP TABLE checkpoint'))
    expect(await verify(folder)).toMatchObject({ ok: true, checkpoints: 0 })
  })
})

/** Ways to another history that begins at an event. */
const rewritings = {
  changed: (event: Record<string, unknown>, at: number) =>
    event.seq === at ? { ...event, actorName: 'nobody' } : event,
  removed: (event: Record<string, unknown>, at: number) => (event.seq === at ? null : event),
  'changed all': (event: Record<string, unknown>) => ({ ...event, remote: '10.6.6.6' }),
  'cut off': () => null,
}
type Rewriting = keyof typeof rewritings

/** What becomes of the checkpoints in the same database. */
const covers = {
  kept: () => {},
  'all removed': (db: Database.Database) => db.exec('DELETE FROM checkpoint'),
  'those that disagree removed': (db: Database.Database, fromSeq: number) =>
    db.prepare('DELETE FROM checkpoint WHERE size >= ?').run(fromSeq),
  'signed anew with the key of this node': (db: Database.Database) =>
    resign(db, [['n_1', cluster.node(0).signer]]),
  'signed anew with keys of his own for all nodes': (db: Database.Database) => {
    const keys: [string, Signer][] = ['n_1', 'n_2'].map((node) => [node, testSigner()])
    const { origin } = readCheckpoint(kept)
    for (const [node, { publicKey }] of keys)
      db.prepare('UPDATE node SET auditKey = ? WHERE id = ?').run(
        encodeKey(cosignerKey({ origin, node, publicKey })),
        node,
      )
    resign(db, keys)
  },
} satisfies Record<string, (db: Database.Database, fromSeq: number) => unknown>
type Cover = keyof typeof covers

/** Checkpoints of the same sizes over the events as they are now. */
function resign(db: Database.Database, keys: readonly [string, Signer][]): void {
  const { origin } = readCheckpoint(kept)
  const rows = rowsOf(db)
  const sizes = db.prepare('SELECT size FROM checkpoint').pluck().all() as number[]
  for (const each of sizes) {
    const tree = new Frontier()
    for (const { event } of rows.slice(0, each)) tree.append(leafHash(event))
    if (tree.size < each) {
      db.prepare('DELETE FROM checkpoint WHERE size = ?').run(each)
      continue
    }
    const made: Checkpoint = { origin, size: each, root: tree.root() }
    let note = `${checkpointText(made)}\n`
    for (const [i, [node, signer]] of keys.entries())
      note = withLine(
        note,
        i === 0 ? signCheckpoint(made, signer) : cosignCheckpoint(made, { node, signer, at: 1000 }),
      )
    db.prepare('UPDATE checkpoint SET root = ?, note = ? WHERE size = ?').run(made.root, note, each)
  }
}

describe('a history rewritten in rows, files and chain', () => {
  const anyRewriting = fc.constantFrom(...(Object.keys(rewritings) as Rewriting[]))
  const anyCover = fc.constantFrom(...(Object.keys(covers) as Cover[]))

  it('is found by a checkpoint that was kept elsewhere, whatever was done, and however it was covered', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: size }),
        anyRewriting,
        anyCover,
        async (fromSeq, how, cover) => {
          await using folder = await tampered((db) => {
            rewriteHistory(db, fromSeq, (event) => rewritings[how](event, fromSeq))
            covers[cover](db, fromSeq)
          })
          const { ok, faults } = await verify(folder, kept)
          expect(ok).toBe(false)
          expect(faults.join('\n')).toContain(`the given checkpoint of ${size} events`)
        },
      ),
      { numRuns: 80 },
    )
  })

  it('is found by the checkpoints in the database, which name the first size that disagrees', async () => {
    const sizes = cluster
      .node(0)
      .machine.db.prepare('SELECT size FROM checkpoint ORDER BY size')
      .pluck()
      .all() as number[]
    const rewritten = fc.constantFrom<Rewriting>('changed', 'removed', 'changed all')
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: size - 1 }), rewritten, async (fromSeq, how) => {
        await using folder = await tampered((db) =>
          rewriteHistory(db, fromSeq, (event) => rewritings[how](event, fromSeq)),
        )
        const { ok, faults } = await verify(folder)
        expect(ok).toBe(false)
        const first = sizes.find((each) => each >= fromSeq)
        const named = faults.find((fault) => fault.includes('are not those of the checkpoint'))
        // A history that lost the events in which keys were published knows no signers either.
        if (fromSeq > (sizes[0] ?? 0))
          expect(named).toContain(
            `the first ${first} events are not those of the checkpoint that node1, node2 signed`,
          )
      }),
      { numRuns: 40 },
    )
  })

  it('is not claimed of events behind the checkpoint that was kept', async () => {
    await using folder = await tampered((db) =>
      rewriteHistory(db, size + 1, (event) => ({ ...event, actorName: 'nobody' })),
    )
    expect(await verify(folder, kept)).toMatchObject({ ok: true })
  })
})

describe('checkpoints that were tampered with', () => {
  it('do not verify, whatever was changed', async () => {
    for (const [sql, told] of [
      ['UPDATE checkpoint SET root = zeroblob(32)', 'its signatures do not verify'],
      ["UPDATE checkpoint SET note = replace(note, 'holdfast', 'holdfest')", 'was changed'],
      ["UPDATE checkpoint SET note = 'x'", 'was changed'],
      [`UPDATE checkpoint SET size = size + 1 WHERE size = ${size}`, 'its signatures do not verify'],
      [`UPDATE checkpoint SET size = 5000 WHERE size = ${size}`, 'covers more than the log has'],
    ] as const) {
      await using folder = await tampered((db) => db.exec(sql))
      const { ok, faults } = await verify(folder)
      expect(ok).toBe(false)
      expect(faults.join('\n'), sql).toContain(told)
    }
  })

  it('are not believed when given along', async () => {
    await using folder = await tampered()
    const stranger = testSigner()
    const made = readCheckpoint(kept)
    const foreign = { ...made, origin: `holdfast/${'0'.repeat(16)}/audit` }
    for (const [note, told] of [
      ['', 'cannot be read'],
      [kept.replace(/.$/s, 'x\n'), 'cannot be read'],
      [kept.replace(`\n${size}\n`, `\n${size - 1}\n`), 'does not verify'],
      [withLine(`${checkpointText(made)}\n`, signCheckpoint(made, stranger)), 'signed by no key'],
      [withLine(`${checkpointText(foreign)}\n`, signCheckpoint(foreign, stranger)), 'of another facility'],
    ] as const) {
      const { ok, faults } = await verify(folder, note)
      expect(ok).toBe(false)
      expect(faults.join('\n')).toContain(told)
    }
  })
})
