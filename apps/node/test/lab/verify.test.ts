import { createHash } from 'node:crypto'
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '@holdfast/db'
import type Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuditRow } from '../../src/services/audit/segment-format.ts'
import { writeSegments } from '../../src/services/audit/test-log.ts'
import { idOf, ownerId, TestMachine } from '../../src/state/machine-fixture.ts'
import { bodyOf, heardLine, type LoadRecord, messageIdOf } from './load-record.ts'
import {
  type VerifiedNode,
  type VerifyOptions,
  type VerifyReport,
  type Violations,
  verify,
} from './verify.ts'

const tag = 'v'
const writers = [ownerId, idOf('p', 2)]
const channels = [idOf('c', 1), idOf('c', 2)]
const messages = 40

let home: string
let template: string
let record: LoadRecord

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-verify-'))
  template = join(home, 'template')
  record = await makeNode(template)
})
afterAll(() => rmSync(home, { recursive: true }))

/** A node's data folder with messages of two writers in two channels, and the record of the load that sent them. */
async function makeNode(dataDir: string): Promise<LoadRecord> {
  using made = new TestMachine()
  made.setUp()
  const control = (name: string, payload: unknown) => made.control(name, payload)
  control('person.add', {
    id: writers[1],
    name: 'anna',
    displayName: 'Anna',
    role: 'member',
    kind: 'person',
    passwordHash: 'x',
    mustChange: false,
  })
  for (const [number, id] of channels.entries())
    control('channel.create', {
      id,
      kind: 'group',
      name: `channel${number}`,
      topic: '',
      directKey: null,
      retentionDays: null,
      members: writers,
      groups: [],
    })
  const loaded: LoadRecord = { tag, writers, channels, acknowledged: [], heard: [], troubles: [], states: [] }
  const hashes = channels.map(() => createHash('sha256'))
  const heads = channels.map(() => 0)
  for (let i = 0; i < messages; i++) {
    const [writer, channel, no] = [i % 2, i % 3 === 0 ? 1 : 0, Math.floor(i / 2)]
    const id = messageIdOf(tag, writer, no)
    const { outcomes } = made.apply([[0, channel + 1, writer + 1, id, bodyOf(id, 60), 0, null]])
    const [seq] = outcomes as number[]
    heads[channel]! += 1
    expect(seq).toBe(heads[channel])
    hashes[channel]!.update(heardLine({ seq: seq!, from: writers[writer]!, id }))
    loaded.acknowledged.push([writer, no, channel, seq!, i < 20 ? 0 : 1, 1000 + i])
  }
  for (const node of [0, 1, 2])
    for (const [channel, hash] of hashes.entries())
      loaded.heard.push({ node, channel, first: 1, last: heads[channel]!, digest: hash.copy().digest('hex') })
  const rows = made.db.prepare('SELECT seq, event, hash FROM audit_event ORDER BY seq').all() as AuditRow[]
  const audit = join(dataDir, 'audit')
  await writeSegments(
    { path: dataDir, audit, database: join(dataDir, 'cluster.db'), [Symbol.asyncDispose]: async () => {} },
    rows,
  )
  made.db.prepare('VACUUM INTO ?').run(join(dataDir, 'cluster.db'))
  return loaded
}

/** Three nodes with the same; the second one is tampered with. */
async function verdictOn(
  tamper: (node: VerifiedNode) => void,
  loaded: LoadRecord = record,
  options: Partial<VerifyOptions> = {},
): Promise<VerifyReport> {
  const folder = mkdtempSync(join(home, 'nodes-'))
  const nodes = ['hf1', 'hf2', 'hf3'].map((name) => ({ name, dataDir: join(folder, name) }))
  for (const { dataDir } of nodes) cpSync(template, dataDir, { recursive: true })
  tamper(nodes[1]!)
  return verify({ nodes, record: loaded, ...options })
}

function change(node: VerifiedNode, work: (db: Database.Database) => void): void {
  const db = openDatabase(join(node.dataDir, 'cluster.db'), { role: 'writer' })
  work(db)
  db.close()
}

const sql = (text: string) => (node: VerifiedNode) => change(node, (db) => db.exec(text))
/** The kinds that were found. */
const found = (report: VerifyReport) => {
  const { ok: _, acknowledged: __, stored: ___, lostByPhase: ____, doubledByPhase: _____, ...rest } = report
  const { faults: ______, ...counts } = rest
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
}
const keyOf = (channel: number, seq: number) => (channel + 1) * 2 ** 32 + seq

describe('verify', () => {
  it('finds nothing wrong with nodes that kept everything', async () => {
    const report = await verdictOn(() => {})
    expect(report.faults).toEqual([])
    expect(report).toMatchObject({ ok: true, acknowledged: messages, stored: messages })
    expect(found(report)).toEqual({})
  })

  const cases: { name: string; tamper: (node: VerifiedNode) => void; expected: Partial<Violations> }[] = [
    {
      name: 'a message that is gone from the middle',
      tamper: sql(`DELETE FROM message WHERE key = ${keyOf(0, 5)}`),
      expected: { lost: 1, gaps: 1, disordered: 1, misheard: 1 },
    },
    {
      name: 'a newest message that is gone with its head',
      tamper: sql(
        `DELETE FROM message WHERE key = (SELECT max(key) FROM message WHERE key < ${keyOf(1, 0)}); UPDATE channel SET head = head - 1 WHERE no = 1`,
      ),
      expected: { lost: 1, disordered: 1, misheard: 1 },
    },
    {
      name: 'a head beyond the newest entry',
      tamper: sql('UPDATE channel SET head = head + 1 WHERE no = 2'),
      expected: { gaps: 1 },
    },
    {
      name: 'a message that is stored twice',
      tamper: sql(
        `DROP INDEX message_sender_clientId_key; UPDATE channel SET head = head + 1 WHERE no = 2;
         INSERT INTO message SELECT ${keyOf(1, 0)} + (SELECT head FROM channel WHERE no = 2), sender, clientId, at, kind, priority, target, revision, body FROM message WHERE key = ${keyOf(0, 3)}`,
      ),
      expected: { doubled: 1, disordered: 1 },
    },
    {
      name: 'two messages that changed places',
      tamper: sql(
        `UPDATE message SET key = 1 WHERE key = ${keyOf(0, 2)}; UPDATE message SET key = ${keyOf(0, 2)} WHERE key = ${keyOf(0, 3)}; UPDATE message SET key = ${keyOf(0, 3)} WHERE key = 1`,
      ),
      expected: { misplaced: 2, disordered: 1, misheard: 1 },
    },
    {
      name: 'a message with another text',
      tamper: sql(`UPDATE message SET body = 'other' WHERE key = ${keyOf(1, 4)}`),
      expected: { misplaced: 1, disordered: 1 },
    },
    {
      name: 'a message with another time',
      tamper: sql(`UPDATE message SET at = at + 1 WHERE key = ${keyOf(1, 4)}`),
      expected: { disordered: 1 },
    },
    {
      name: 'an entry of no channel',
      tamper: sql(
        `INSERT INTO message SELECT ${keyOf(8, 1)}, sender, 'stray', at, kind, priority, target, revision, body FROM message LIMIT 1`,
      ),
      expected: { gaps: 1 },
    },
    {
      name: 'another state chain',
      tamper: sql('UPDATE applied SET chain = zeroblob(32)'),
      expected: { diverged: 1 },
    },
    {
      name: 'another applied index',
      tamper: sql('UPDATE applied SET "index" = "index" + 1'),
      expected: { diverged: 1 },
    },
    {
      name: 'an audit event that was changed',
      tamper: sql(`UPDATE audit_event SET event = replace(event, 'anna', 'hans') WHERE event LIKE '%anna%'`),
      expected: { unproved: 1 },
    },
    {
      name: 'an audit file that was changed',
      tamper: ({ dataDir }) => {
        const [file = ''] = readdirSync(join(dataDir, 'audit'))
        appendFileSync(join(dataDir, 'audit', file), 'more\n')
      },
      expected: { unproved: 1 },
    },
    {
      name: 'an index that lacks a row',
      tamper: (node) =>
        change(node, (db) => {
          db.unsafeMode(true)
          db.pragma('writable_schema = ON')
          // The index is told to begin where another one begins.
          db.exec(
            `UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'session_tokenHash_key') WHERE name = 'message_sender_clientId_key'`,
          )
        }),
      expected: { damaged: 1 },
    },
  ]
  it.each(cases)('finds $name', async ({ tamper, expected }) => {
    const report = await verdictOn(tamper)
    expect(report.ok).toBe(false)
    expect(found(report), report.faults.join('\n')).toEqual(expected)
  })

  it('lets nodes that were stopped one by one differ by what they applied last, and not by how', async () => {
    const ahead = sql('UPDATE applied SET "index" = "index" + 1, chain = zeroblob(32)')
    expect(found(await verdictOn(ahead, record, { stoppedApart: true }))).toEqual({})
    const other = sql('UPDATE applied SET chain = zeroblob(32)')
    expect(found(await verdictOn(other, record, { stoppedApart: true }))).toEqual({ diverged: 1 })
  })

  it('waits for running nodes to come to the same', async () => {
    const behind = (node: VerifiedNode) => {
      change(node, (db) => db.exec('UPDATE applied SET "index" = "index" - 1'))
      setTimeout(() => change(node, (db) => db.exec('UPDATE applied SET "index" = "index" + 1')), 300)
    }
    expect(found(await verdictOn(behind, record, { running: true }))).toEqual({})
  })

  it('finds a damaged page', async () => {
    const report = await verdictOn((node) => damagePage(node, 'message_sender_clientId_key'))
    expect(report).toMatchObject({ ok: false, damaged: 1 })
  })

  it('tells in which phase a lost message was acknowledged', async () => {
    const report = await verdictOn((node) => {
      for (const i of [3, 30, 31]) {
        const [, , channel, seq] = record.acknowledged[i]!
        sql(`DELETE FROM message WHERE key = ${keyOf(channel, seq)}`)(node)
      }
    })
    expect(report).toMatchObject({ lost: 3, lostByPhase: { 0: 1, 1: 2 } })
    expect(report.faults.filter((fault) => fault.startsWith('lost: hf2 lacks '))).toHaveLength(3)
  })

  it('finds a message that is lost on every node', async () => {
    const more: LoadRecord['acknowledged'][number] = [0, 999, 0, 1000, 1, 2000]
    const report = await verdictOn(() => {}, { ...record, acknowledged: [...record.acknowledged, more] })
    expect(found(report)).toEqual({ lost: 3 })
  })

  it('finds a place that was acknowledged to two messages', async () => {
    const [, , channel, seq] = record.acknowledged[7]!
    const more: LoadRecord['acknowledged'][number] = [0, 999, channel, seq, 1, 2000]
    const report = await verdictOn(() => {}, { ...record, acknowledged: [...record.acknowledged, more] })
    expect(report).toMatchObject({ doubled: 1, doubledByPhase: { 1: 1 } })
  })

  it('finds a message that was acknowledged with two places', async () => {
    const [writer, no, channel, seq] = record.acknowledged[7]!
    const more: LoadRecord['acknowledged'][number] = [writer, no, channel, seq + 500, 1, 2000]
    const report = await verdictOn(() => {}, { ...record, acknowledged: [...record.acknowledged, more] })
    expect(report.doubled).toBe(1)
  })

  it('finds a reader that was given something else', async () => {
    const heard = record.heard.map((each, i) => (i === 4 ? { ...each, digest: 'other' } : each))
    expect(found(await verdictOn(() => {}, { ...record, heard }))).toEqual({ misheard: 1 })
  })

  it('finds a reader that was given more than there is', async () => {
    const heard = record.heard.map((each, i) => (i === 4 ? { ...each, last: each.last + 1 } : each))
    expect(found(await verdictOn(() => {}, { ...record, heard }))).toEqual({ misheard: 1 })
  })

  it('passes on what the load found', async () => {
    const report = await verdictOn(() => {}, { ...record, troubles: ['a gap'] })
    expect(found(report)).toEqual({ troubles: 1 })
    expect(report.faults).toEqual(['troubles: the load: a gap'])
  })

  it('finds a database that cannot be opened', async () => {
    const report = await verdictOn(({ dataDir }) => writeFileSync(join(dataDir, 'cluster.db'), 'no database'))
    expect(found(report)).toEqual({ damaged: 1, unproved: 1 })
  })

  it('finds a table that cannot be read', async () => {
    const report = await verdictOn((node) => damagePage(node, 'message'))
    expect(report).toMatchObject({ ok: false, damaged: 1 })
  })
})

function damagePage({ dataDir }: VerifiedNode, name: string): void {
  const file = join(dataDir, 'cluster.db')
  const db = openDatabase(file, { role: 'reader', readonly: true })
  const page = db.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').pluck().get(name) as number
  db.close()
  const bytes = readFileSync(file)
  bytes.fill(0xee, (page - 1) * 4096, page * 4096)
  writeFileSync(file, bytes)
}
