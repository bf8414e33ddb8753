import {
  chmod,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from '@holdfast/db'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeEvent, nextHash } from './chain.ts'
import { encodeHeader, encodeLine, segmentName } from './segment-format.ts'
import {
  eventFields,
  makeRows,
  segmentsOf,
  type TestFolder,
  testFolder,
  writeDatabase,
  writeSegments,
} from './test-log.ts'
import { verifyAudit } from './verify.ts'
import { maxFaults } from './verify-faults.ts'

const rows = makeRows(12)
let good: TestFolder
let names: string[]
let contents: Buffer[]

beforeAll(async () => {
  good = await testFolder()
  await writeSegments(good, rows)
  writeDatabase(good, rows)
  names = (await readdir(good.audit)).sort()
  contents = await Promise.all(names.map((name) => readFile(join(good.audit, name))))
})
afterAll(() => good[Symbol.asyncDispose]())

/** Checks changed files against the unchanged database. */
async function verifyFiles(files: Record<string, Buffer | string>, database: string | null = good.database) {
  await using folder = await testFolder()
  await mkdir(folder.audit)
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder.audit, name), content)
  return await verifyAudit({ directory: folder.audit, ...(database === null ? {} : { database }) })
}

const goodFiles = () =>
  Object.fromEntries(names.map((name, index) => [name, contents[index] ?? Buffer.alloc(0)]))
const fileAt = (index: number) => ({ name: names[index] ?? '', content: contents[index] ?? Buffer.alloc(0) })
const linesOf = (content: Buffer) => content.toString('utf8').split('\n').slice(0, -1)
const joinLines = (lines: string[]) => lines.map((line) => `${line}\n`).join('')

describe('a log that is whole', () => {
  it('verifies, with and without its database', async () => {
    const head = Buffer.from(rows.at(-1)?.hash ?? []).toString('hex')
    const expected = { ok: true, events: 12, segments: names.length, head, faults: [] }
    expect(await verifyFiles(goodFiles())).toMatchObject(expected)
    expect(await verifyFiles(goodFiles(), null)).toMatchObject(expected)
  })

  it('verifies when nothing has happened yet', async () => {
    await using folder = await testFolder()
    writeDatabase(folder, [])
    await mkdir(folder.audit)
    expect(await verifyAudit({ directory: folder.audit, database: folder.database })).toMatchObject({
      ok: true,
      events: 0,
      segments: 0,
      head: '00'.repeat(32),
    })
  })
})

describe('any change of the files is found', () => {
  const anyPlace = () => fc.nat({ max: contents.reduce((sum, each) => sum + each.length, 0) - 1 })
  /** The file and the byte in it at a place counted over all files. */
  function locate(place: number) {
    let left = place
    for (const [index, content] of contents.entries()) {
      if (left < content.length) return { ...fileAt(index), byte: left }
      left -= content.length
    }
    throw new RangeError(`there is no byte ${place}`)
  }

  it('one changed byte, wherever it is; the fault names file, line and byte', async () => {
    await fc.assert(
      fc.asyncProperty(anyPlace(), fc.integer({ min: 1, max: 255 }), async (place, difference) => {
        const { name, content, byte } = locate(place)
        const changed = Buffer.from(content)
        changed[byte] = (content[byte] ?? 0) ^ difference
        const { ok, faults } = await verifyFiles({ ...goodFiles(), [name]: changed })
        expect(ok).toBe(false)
        const line = content.subarray(0, byte).toString('latin1').split('\n').length
        const offset = content.lastIndexOf(0x0a, byte - 1) + 1
        expect(faults[0]).toContain(`${name} line ${line} (byte ${byte === 0 ? 0 : offset})`)
      }),
      { numRuns: 300 },
    )
  })

  it('one removed or one inserted byte', async () => {
    await fc.assert(
      fc.asyncProperty(anyPlace(), fc.option(fc.nat({ max: 255 })), async (place, inserted) => {
        const { name, content, byte } = locate(place)
        const middle = inserted === null ? Buffer.alloc(0) : Buffer.from([inserted, content[byte] ?? 0])
        const changed = Buffer.concat([content.subarray(0, byte), middle, content.subarray(byte + 1)])
        expect((await verifyFiles({ ...goodFiles(), [name]: changed })).ok).toBe(false)
      }),
      { numRuns: 200 },
    )
  })

  it('lines that were swapped, removed, doubled or moved to another segment', async () => {
    const lines = () =>
      fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat(), fc.constantFrom('swap', 'remove', 'double', 'move'))
    await fc.assert(
      fc.asyncProperty(lines(), async ([file, line, otherFile, otherLine, kind]) => {
        const all = names.map((name, index) => ({ name, lines: linesOf(fileAt(index).content) }))
        const from = all[file % all.length]
        const to = all[otherFile % all.length]
        if (!from || !to) throw new Error('there is a segment')
        const a = line % from.lines.length
        const b = otherLine % to.lines.length
        const moved = from.lines[a] ?? ''
        fc.pre(kind !== 'swap' || moved !== to.lines[b])
        fc.pre(kind !== 'move' || from !== to || (a !== b && a + 1 !== b))
        if (kind === 'swap') {
          from.lines[a] = to.lines[b] ?? ''
          to.lines[b] = moved
        } else if (kind === 'remove') from.lines.splice(a, 1)
        else if (kind === 'double') to.lines.splice(b, 0, moved)
        else {
          to.lines.splice(b, 0, moved)
          from.lines.splice(from === to && b < a ? a + 1 : a, 1)
        }
        const files = Object.fromEntries(all.map((each) => [each.name, joinLines(each.lines)]))
        expect((await verifyFiles(files)).ok).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  it('any segment that is missing, empty, doubled or renamed', async () => {
    for (const name of names) {
      const { [name]: content = '', ...rest } = goodFiles()
      expect((await verifyFiles(rest)).ok).toBe(false)
      expect((await verifyFiles({ ...rest, [name]: '' })).ok).toBe(false)
      expect((await verifyFiles({ ...rest, [name]: content, [segmentName(900)]: content })).ok).toBe(false)
      expect((await verifyFiles({ ...rest, [segmentName(900)]: content })).ok).toBe(false)
      expect((await verifyFiles({ ...rest, [name]: content, 'copy.audit': content })).ok).toBe(false)
    }
    expect((await verifyFiles({})).faults).toEqual([
      'at the end of the files: the database has events 1 to 12, the files were cut or removed',
    ])
  })

  it('the newest segment cut at every length', async () => {
    const { name, content } = fileAt(names.length - 1)
    await using folder = await testFolder()
    await cp(good.audit, folder.audit, { recursive: true })
    const path = join(folder.audit, name)
    for (let size = content.length - 1; size >= 0; size--) {
      await truncate(path, size)
      const { ok, faults } = await verifyAudit({ directory: folder.audit, database: good.database })
      expect(ok).toBe(false)
      expect(faults.join()).toMatch(/cut off|the files were cut or removed|is empty/)
    }
  })

  it('a history written anew with hashes that fit, by the database', async () => {
    const forged = makeRows(3)
    const event = encodeEvent(eventFields(4, { actorName: 'Eve' }))
    forged.push({ seq: 4, event, hash: nextHash(forged.at(-1)?.hash ?? Buffer.alloc(0), event) })
    for (let seq = 5; seq <= 12; seq++) {
      const text = encodeEvent(eventFields(seq))
      forged.push({ seq, event: text, hash: nextHash(forged.at(-1)?.hash ?? Buffer.alloc(0), text) })
    }
    await using folder = await testFolder()
    await writeSegments(folder, forged)
    const { faults } = await verifyAudit({ directory: folder.audit, database: good.database })
    expect(faults[0]).toMatch(/line \d+ \(byte \d+\): event 4 differs from the one in the database/)
    expect(faults).toHaveLength(9)
  })
})

describe('each fault is told once, in words', () => {
  const second = () => ({ ...fileAt(1), lines: linesOf(fileAt(1).content) })
  const seqOf = (line = '') => Number(/"seq":(\d+)/.exec(line)?.[1])

  it('a changed event', async () => {
    const { name, lines } = second()
    const place = Buffer.byteLength(joinLines(lines.slice(0, 1)))
    const changed = joinLines(lines.map((line, index) => (index === 1 ? line.replace('Ada', 'Eve') : line)))
    expect((await verifyFiles({ ...goodFiles(), [name]: changed })).faults).toEqual([
      `${name} line 2 (byte ${place}): event ${seqOf(lines[1])} or its hash was changed`,
    ])
  })

  it('a removed event', async () => {
    const { name, lines } = second()
    const changed = joinLines(lines.filter((_line, index) => index !== 1))
    const seq = seqOf(lines[1])
    const { faults } = await verifyFiles({ ...goodFiles(), [name]: changed }, null)
    expect(faults).toEqual([
      expect.stringContaining(`line 2 (byte ${Buffer.byteLength(lines[0] ?? '') + 1}): `),
    ])
    expect(faults[0]).toContain(`event ${seq} before event ${seq + 1}: missing or moved`)
  })

  it('a doubled event', async () => {
    const { name, lines } = second()
    const changed = joinLines(lines.flatMap((line, index) => (index === 1 ? [line, line] : [line])))
    const seq = seqOf(lines[1])
    expect((await verifyFiles({ ...goodFiles(), [name]: changed })).faults).toEqual([
      expect.stringContaining(`line 3 (byte`),
    ])
    expect((await verifyFiles({ ...goodFiles(), [name]: changed })).faults[0]).toContain(
      `event ${seq} stands after event ${seq}: it was moved or inserted`,
    )
  })

  it('a missing segment', async () => {
    const { [names[1] ?? '']: _gone, ...rest } = goodFiles()
    const { faults } = await verifyFiles(rest, null)
    expect(faults).toEqual([
      expect.stringMatching(/line 1 \(byte 0\): events? \d.* before this segment: missing/),
    ])
    expect(faults[0]).toContain(names[2])
  })

  it('a line that is longer than any event', async () => {
    const { name, lines } = second()
    const long = joinLines([...lines.slice(0, 2), 'y'.repeat(3_000_000), ...lines.slice(2)])
    expect((await verifyFiles({ ...goodFiles(), [name]: long })).faults).toEqual([
      expect.stringContaining('line 3 (byte'),
    ])
  })

  it('a header of another version', async () => {
    const { name, lines } = second()
    const changed = joinLines([(lines[0] ?? '').replace('"version":1', '"version":2'), ...lines.slice(1)])
    expect((await verifyFiles({ ...goodFiles(), [name]: changed })).faults[0]).toContain(
      'the header has format version 2; this program reads 1',
    )
  })

  it('so many that they are only counted', async () => {
    const many = makeRows(maxFaults + 20)
    const lines = many.map((row) => encodeLine(row.hash, row.event.replace('Ada', 'Eve')))
    const header = encodeHeader({ facility: 'X', firstSeq: 1, previous: Buffer.alloc(32) })
    const { faults, events } = await verifyFiles({ [segmentName(1)]: header + lines.join('') }, null)
    expect(faults).toHaveLength(maxFaults + 1)
    expect(faults.at(-1)).toBe('and 20 more places that do not verify')
    expect(events).toBe(0)
  })

  it('a folder that is not there', async () => {
    await using folder = await testFolder()
    const { ok, faults } = await verifyAudit({ directory: folder.audit })
    expect(ok).toBe(false)
    expect(faults[0]).toContain('cannot be read')
  })

  it('a segment that cannot be read', async () => {
    await using folder = await testFolder()
    await cp(good.audit, folder.audit, { recursive: true })
    await rm(join(folder.audit, names[1] ?? ''))
    await mkdir(join(folder.audit, names[1] ?? ''))
    const { ok, faults } = await verifyAudit({ directory: folder.audit, database: good.database })
    expect(ok).toBe(false)
    expect(faults).toContainEqual(expect.stringContaining('the check ended early: EISDIR'))
  })
})

describe('any change of the database is found', () => {
  async function verifyChanged(sql: string) {
    await using folder = await testFolder()
    writeDatabase(folder, rows)
    const db = openDatabase(folder.database, { role: 'writer' })
    db.exec(sql)
    db.close()
    return await verifyAudit({ directory: good.audit, database: folder.database })
  }

  it.each([
    [
      "UPDATE audit_event SET event = replace(event, 'Ada', 'Eve') WHERE seq = 5",
      'event 5 or its hash was changed in',
    ],
    ['UPDATE audit_event SET hash = randomblob(32) WHERE seq = 5', 'event 5 or its hash was changed in'],
    ["UPDATE audit_event SET hash = x'00' WHERE seq = 5", 'event 5 or its hash was changed in'],
    ['UPDATE audit_event SET at = at + 1 WHERE seq = 5', 'what event 5 is found by was changed'],
    ["UPDATE audit_event SET actor = 'p_eve' WHERE seq = 5", 'what event 5 is found by was changed'],
    ["UPDATE audit_event SET action = 'x' WHERE seq = 5", 'what event 5 is found by was changed'],
    ["UPDATE audit_event SET target = 'x' WHERE seq = 5", 'what event 5 is found by was changed'],
    ['DELETE FROM audit_event WHERE seq = 5', 'event 5 missing in audit_event'],
    ['DELETE FROM audit_event WHERE seq = 1', 'event 1 missing in audit_event'],
    ['DELETE FROM audit_event WHERE seq = 12', 'event 12 should be the newest, and 11 is'],
    ['DELETE FROM audit_event', 'event 12 should be the newest, and 0 is'],
    ['UPDATE applied SET auditSeq = 11', 'the database knows no event 12, its newest is 11'],
    [
      'UPDATE applied SET auditHash = randomblob(32)',
      'the hash of the newest event is not the one that was applied',
    ],
    ['DELETE FROM applied', 'the database knows no event 1, its newest is 0'],
    ['DROP TABLE audit_event', 'no such table: audit_event'],
  ])('%s', async (sql, why) => {
    const { ok, faults } = await verifyChanged(sql)
    expect(ok).toBe(false)
    expect(faults[0]).toContain(why)
  })

  it('a database that is none, or is missing', async () => {
    await using folder = await testFolder()
    const options = { directory: good.audit, database: folder.database }
    expect((await verifyAudit(options)).faults[0]).toContain('cluster.db')
    await writeFile(
      folder.database,
      'not a database, but some text that is long enough to be looked at'.repeat(50),
    )
    expect((await verifyAudit(options)).faults[0]).toContain('is not a database')
  })
})

describe('a node that runs', () => {
  it('verifies although the newest events are on their way into the files', async () => {
    await using folder = await testFolder()
    await writeSegments(folder, rows.slice(0, 10))
    const ten = { directory: folder.audit, database: good.database }
    expect(await verifyAudit({ ...ten, settledSeq: 10 })).toMatchObject({ ok: true, events: 10 })
    expect((await verifyAudit({ ...ten, settledSeq: 11 })).ok).toBe(false)
    expect((await verifyAudit(ten)).ok).toBe(false)
  })

  it('verifies while a line is being written, at every byte of it', async () => {
    await using folder = await testFolder()
    await cp(good.audit, folder.audit, { recursive: true })
    const { name, content } = fileAt(names.length - 1)
    const path = join(folder.audit, name)
    const before = Number(name.slice(0, 12)) - 1
    const lineEnds = [...content.entries()].filter(([, byte]) => byte === 0x0a).map(([at]) => at)
    for (let size = content.length; size >= 0; size--) {
      await truncate(path, size)
      const lines = lineEnds.filter((at) => at < size).length
      const settledSeq = before + Math.max(0, lines - 1)
      const options = { directory: folder.audit, database: good.database }
      expect((await verifyAudit({ ...options, settledSeq })).faults).toEqual([])
      if (size % 20 !== 0) continue
      expect((await verifyAudit({ ...options, settledSeq: settledSeq + 1 })).ok).toBe(settledSeq + 1 > 12)
    }
  })

  it('verifies although files and rows have grown since the check began', async () => {
    await using folder = await testFolder()
    writeDatabase(folder, rows.slice(0, 7))
    const options = { directory: good.audit, database: folder.database }
    expect(await verifyAudit({ ...options, settledSeq: 7 })).toMatchObject({ ok: true, events: 7 })
    expect((await verifyAudit(options)).ok).toBe(false)
  })

  it('is repaired by its start when only its files were cut, and verifies again', async () => {
    await using folder = await testFolder()
    await cp(good.audit, folder.audit, { recursive: true })
    await unlink(join(folder.audit, names.at(-1) ?? ''))
    const options = { directory: folder.audit, database: good.database }
    expect((await verifyAudit(options)).ok).toBe(false)
    const segments = segmentsOf(folder, rows)
    await segments.start()
    await segments.flush()
    await segments[Symbol.asyncDispose]()
    expect((await verifyAudit(options)).faults).toEqual([])
  })

  it('can move the folder aside and have it written anew', async () => {
    await using folder = await testFolder()
    await cp(good.audit, folder.audit, { recursive: true })
    const first = join(folder.audit, names[0] ?? '')
    await chmod(first, 0o600)
    await writeFile(first, 'ruined')
    await rename(folder.audit, join(folder.path, 'evidence'))
    await writeSegments(folder, rows)
    expect((await verifyAudit({ directory: folder.audit, database: good.database })).faults).toEqual([])
  })
})
