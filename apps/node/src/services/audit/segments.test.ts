import type { FileHandle } from 'node:fs/promises'
import {
  appendFile,
  chmod,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AuditRow, encodeHeader, encodeLine, segmentName } from './segment-format.ts'
import { segmentLimits } from './segments.ts'
import { makeRows, readFrom, segmentsOf, type TestFolder, testFolder, writeSegments } from './test-log.ts'

const rows = makeRows(12)

async function filesOf(folder: TestFolder): Promise<Record<string, string>> {
  const names = (await readdir(folder.audit)).sort()
  const texts = await Promise.all(names.map((name) => readFile(join(folder.audit, name), 'utf8')))
  return Object.fromEntries(names.map((name, index) => [name, texts[index] ?? '']))
}

/** What the files of these rows are, whatever happened while they were written. */
async function expectedFiles(of: readonly AuditRow[] = rows): Promise<Record<string, string>> {
  await using folder = await testFolder()
  await writeSegments(folder, of)
  return await filesOf(folder)
}

async function lastFile(folder: TestFolder): Promise<string> {
  return join(folder.audit, (await readdir(folder.audit)).sort().at(-1) ?? '')
}

describe('the files', () => {
  it('have a header, one line per event, and the hash before in the next header', async () => {
    await using folder = await testFolder()
    await writeSegments(folder, rows.slice(0, 2))
    const [first, second] = rows
    if (!first || !second) throw new Error('the log has two rows')
    expect(await filesOf(folder)).toEqual({
      [segmentName(1)]:
        encodeHeader({ facility: 'Werk Süd', firstSeq: 1, previous: Buffer.alloc(32) }) +
        encodeLine(first.hash, first.event) +
        encodeLine(second.hash, second.event),
    })
  })

  it('roll at the named size, each segment named by its first event and read-only once complete', async () => {
    await using folder = await testFolder()
    await writeSegments(folder, rows)
    const names = (await readdir(folder.audit)).sort()
    expect(names.length).toBeGreaterThan(3)
    const seqs: number[] = []
    for (const [index, name] of names.entries()) {
      const { size, mode } = await stat(join(folder.audit, name))
      expect(size).toBeLessThanOrEqual(1200)
      expect(mode & 0o777).toBe(index === names.length - 1 ? 0o600 : 0o400)
      const lines = (await readFile(join(folder.audit, name), 'utf8')).trimEnd().split('\n').slice(1)
      const found = lines.map((line) => Number(/"seq":(\d+)/.exec(line)?.[1]))
      expect(name).toBe(segmentName(found[0] ?? 0))
      seqs.push(...found)
    }
    expect(seqs).toEqual(rows.map((row) => row.seq))
    expect((await stat(folder.audit)).mode & 0o777).toBe(0o700)
  })

  it('hold an event that is larger than a segment', async () => {
    await using folder = await testFolder()
    const segments = segmentsOf(folder, rows, { segmentBytes: 10 })
    await segments.start()
    expect(await segments.flush()).toBe(12)
    await segments[Symbol.asyncDispose]()
    expect(Object.keys(await filesOf(folder))).toEqual(rows.map((row) => segmentName(row.seq)))
  })

  it('are the same however the events came: appended one by one, in batches, or read from the database', async () => {
    const expected = await expectedFiles()
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 5 }), { maxLength: 12 }), async (batches) => {
        await using folder = await testFolder()
        const committed: AuditRow[] = []
        const segments = segmentsOf(folder, committed)
        await segments.start()
        for (const size of [...batches, rows.length]) {
          const batch = rows.slice(committed.length, committed.length + size)
          committed.push(...batch)
          segments.append(batch)
          if (size % 2 === 0) await segments.flush()
        }
        expect(await segments.flush()).toBe(rows.length)
        await segments[Symbol.asyncDispose]()
        expect(await filesOf(folder)).toEqual(expected)
      }),
      { numRuns: 40 },
    )
  })

  it('gather what comes within a moment into few writes', async () => {
    await using folder = await testFolder()
    let flushes = 0
    const committed: AuditRow[] = []
    const segments = segmentsOf(folder, committed, {
      gatherMs: 10_000,
      segmentBytes: 1_000_000,
      openFile: tapped({ datasync: () => void flushes++ }),
    })
    await segments.start()
    await segments.flush()
    for (const row of rows) {
      committed.push(row)
      segments.append([row])
    }
    expect(await segments.flush()).toBe(12)
    // One for the header of the segment, one for all events.
    expect(flushes).toBe(2)
    await segments[Symbol.asyncDispose]()
  })

  it('lose nothing when more events wait than the queue holds', async () => {
    await using folder = await testFolder()
    const many = makeRows(segmentLimits.queueEvents + 50)
    const committed = many.slice(0, 1)
    const segments = segmentsOf(folder, committed, { segmentBytes: 10_000_000 })
    await segments.start()
    await segments.flush()
    const rest = many.slice(1)
    committed.push(...rest)
    segments.append(rest.slice(0, 10))
    segments.append(rest.slice(10))
    expect(await segments.flush()).toBe(many.length)
    await segments[Symbol.asyncDispose]()
    expect(await filesOf(folder)).toEqual({
      [segmentName(1)]:
        encodeHeader({ facility: 'Werk Süd', firstSeq: 1, previous: Buffer.alloc(32) }) +
        many.map((row) => encodeLine(row.hash, row.event)).join(''),
    })
  })
})

describe('after a crash', () => {
  it('any incomplete end of the newest segment is written again, and nothing else is touched', async () => {
    const expected = await expectedFiles()
    const newest = Object.keys(expected).at(-1) ?? ''
    const whole = Buffer.from(expected[newest] ?? '')
    await using folder = await testFolder()
    await writeSegments(folder, rows)
    for (let size = 0; size <= whole.length; size++) {
      await truncate(join(folder.audit, newest), size)
      await writeSegments(folder, rows)
      expect(await filesOf(folder)).toEqual(expected)
    }
  })

  it.each([
    ['a power cut at any written byte', 'crash'],
    ['a full disk at any written byte', 'ENOSPC'],
  ])('%s leaves no gap and no event twice', async (_name, kind) => {
    const expected = await expectedFiles()
    const total = Object.values(expected).reduce((sum, text) => sum + Buffer.byteLength(text), 0)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: total }), { minLength: 1, maxLength: 4 }), async (budgets) => {
        await using folder = await testFolder()
        for (const budget of budgets) {
          const disk = { left: budget }
          const segments = segmentsOf(folder, rows, { openFile: tapped(bounded(disk)) })
          await segments.start()
          await segments.flush()
          if (kind === 'ENOSPC') {
            // The same writer goes on once there is room.
            disk.left = Number.POSITIVE_INFINITY
            while (segments.status().state === 'retrying') {
              await new Promise((resolve) => setTimeout(resolve, 2))
              await segments.flush()
            }
            expect(segments.status()).toMatchObject({ state: 'following', seq: rows.length, alert: null })
          }
          await segments[Symbol.asyncDispose]()
        }
        await writeSegments(folder, rows)
        expect(await filesOf(folder)).toEqual(expected)
      }),
      { numRuns: 40 },
    )
  })

  it('files that were removed are written again, and the log says so', async () => {
    await using folder = await testFolder()
    await writeSegments(folder, rows)
    const expected = await filesOf(folder)
    await rm(await lastFile(folder))
    await rm(await lastFile(folder))
    const said: unknown[] = []
    const logger = { info: () => {}, warn: (about: unknown) => said.push(about), error: () => {} }
    const segments = segmentsOf(folder, rows, { logger })
    await segments.start()
    await segments.flush()
    await segments[Symbol.asyncDispose]()
    expect(await filesOf(folder)).toEqual(expected)
    expect(said).toEqual([{ fromSeq: expect.any(Number), events: expect.any(Number) }])
  })
})

describe('trouble is an alert and never an exception', () => {
  it('a folder that cannot be made', async () => {
    await using folder = await testFolder()
    await writeFile(folder.audit, 'in the way')
    const told: (string | undefined)[] = []
    const segments = segmentsOf(folder, rows, { onAlert: (each) => told.push(each?.code) })
    await segments.start()
    const { state, alert } = segments.status()
    expect(state).toBe('retrying')
    expect(alert).toMatchObject({ level: 'alert', code: 'audit-not-written' })
    expect(alert?.message).toContain(folder.audit)
    await rm(folder.audit)
    while (segments.status().state === 'retrying') {
      await new Promise((resolve) => setTimeout(resolve, 2))
      await segments.flush()
    }
    expect(await segments.flush()).toBe(12)
    await segments[Symbol.asyncDispose]()
    expect(await filesOf(folder)).toEqual(await expectedFiles())
    // Told anew when the reason changes: a try that meets the removal fails in another way than the first.
    expect(new Set(told.slice(0, -1))).toEqual(new Set(['audit-not-written']))
    expect(told.at(-1)).toBeUndefined()
  })

  it('rows that cannot be read now are read later', async () => {
    await using folder = await testFolder()
    let refusals = 3
    const segments = segmentsOf(folder, rows, {
      readRows: (fromSeq, limit) => {
        if (refusals-- > 0) throw new Error('the reader is not there')
        return readFrom(rows)(fromSeq, limit)
      },
    })
    await segments.start()
    while ((await segments.flush()) < rows.length) await new Promise((resolve) => setTimeout(resolve, 2))
    await segments[Symbol.asyncDispose]()
    expect(await filesOf(folder)).toEqual(await expectedFiles())
  })

  it.each<[string, (folder: TestFolder) => Promise<void>, string]>([
    [
      'the newest line was changed',
      async (folder) => {
        const path = await lastFile(folder)
        const text = await readFile(path, 'utf8')
        const at = text.lastIndexOf('\n', text.length - 2) + 1
        const digit = text[at] === '0' ? '1' : '0'
        await writeFile(path, text.slice(0, at) + digit + text.slice(at + 1))
      },
      'event 12 in the files is not event 12 in the database',
    ],
    [
      'something else was appended',
      async (folder) => appendFile(await lastFile(folder), 'hello\n'),
      'is not an audit event',
    ],
    [
      'the header was changed',
      async (folder) => {
        const path = await lastFile(folder)
        await writeFile(path, (await readFile(path, 'utf8')).replace('Werk', 'Dorf'))
      },
      'was changed: its hash does not fit its text',
    ],
    [
      'a complete segment was cut',
      async (folder) => {
        await rm(await lastFile(folder))
        const path = await lastFile(folder)
        await chmod(path, 0o600)
        await truncate(path, (await stat(path)).size - 5)
        await chmod(path, 0o400)
      },
      'is complete, and yet its last line is cut off',
    ],
    [
      'a foreign file stands behind',
      async (folder) => writeFile(join(folder.audit, 'zzz.audit'), 'x'.repeat(100_000)),
      'has no header',
    ],
  ])('the files are left alone when %s', async (_name, tamper, why) => {
    await using folder = await testFolder()
    await writeSegments(folder, rows)
    await tamper(folder)
    const before = await filesOf(folder)
    const segments = segmentsOf(folder, makeRows(14))
    await segments.start()
    segments.append(makeRows(15).slice(14))
    await segments.flush()
    const { state, alert } = segments.status()
    expect(state).toBe('damaged')
    expect(alert).toMatchObject({ level: 'alert', code: 'audit-damaged' })
    expect(alert?.message).toContain(why)
    await segments[Symbol.asyncDispose]()
    expect(await filesOf(folder)).toEqual(before)
  })

  it.each<[string, (path: string) => Promise<void>, string]>([
    ['removed', (path) => rm(path), 'was removed while the node wrote it'],
    ['extended', (path) => appendFile(path, 'x'), 'and the node wrote'],
    ['cut', (path) => truncate(path, 100), 'has 100 bytes'],
  ])('a segment that is %s under the running node', async (_name, tamper, why) => {
    await using folder = await testFolder()
    const committed = rows.slice(0, 2)
    const segments = segmentsOf(folder, committed)
    await segments.start()
    await segments.flush()
    await tamper(await lastFile(folder))
    const next = rows.slice(2, 3)
    committed.push(...next)
    segments.append(next)
    await segments.flush()
    expect(segments.status()).toMatchObject({ state: 'damaged', seq: 2 })
    expect(segments.status().alert?.message).toContain(why)
    await segments[Symbol.asyncDispose]()
  })

  it('rows that do not continue the chain do not reach the files', async () => {
    await using folder = await testFolder()
    const forged = rows.map((row) =>
      row.seq === 7 ? { ...row, event: row.event.replace('Ada', 'Eve') } : row,
    )
    const segments = segmentsOf(folder, forged)
    await segments.start()
    await segments.flush()
    expect(segments.status()).toMatchObject({ state: 'damaged', seq: 0 })
    expect(segments.status().alert?.message).toContain('event 7 in the database does not continue the chain')
    await segments[Symbol.asyncDispose]()
  })

  it('a database that lost its newest events is waited for, and compared when it has them again', async () => {
    await using folder = await testFolder()
    await writeSegments(folder, rows)
    const expected = await expectedFiles(makeRows(14))
    const committed = rows.slice(0, 9)
    const segments = segmentsOf(folder, committed)
    await segments.start()
    expect(segments.status()).toMatchObject({ state: 'ahead', seq: 12, alert: { code: 'audit-ahead' } })
    for (const row of makeRows(14).slice(9)) {
      committed.push(row)
      segments.append([row])
      await segments.flush()
    }
    expect(segments.status()).toMatchObject({ state: 'following', seq: 14, alert: null })
    await segments[Symbol.asyncDispose]()
    expect(await filesOf(folder)).toEqual(expected)
  })
})

describe('an empty log', () => {
  it('has no file until the first event', async () => {
    await using folder = await testFolder()
    await mkdir(folder.audit)
    await writeSegments(folder, [])
    expect(await readdir(folder.audit)).toEqual([])
  })
})

type OpenFile = typeof open
interface Tap {
  /** Called before each write; returns how many of the bytes the disk takes, or throws. */
  write?(bytes: number): number
  datasync?(): void
}

/** Opens real files whose writes and flushes pass a tap first. */
function tapped(tap: Tap): OpenFile {
  return async (path, flags, mode) => {
    const file = await open(path, flags, mode)
    return new Proxy(file, {
      get(target, key: keyof FileHandle) {
        if (key === 'write' && tap.write) {
          return async (buffer: Buffer, offset: number, length: number, position: number) => {
            const taken = tap.write?.(length) ?? length
            return target.write(buffer, offset, taken, position)
          }
        }
        if (key === 'datasync') {
          return async () => {
            tap.datasync?.()
            return target.datasync()
          }
        }
        const value: unknown = Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
}

/** A disk that takes so many bytes and then refuses, after writing a part of what it was given. */
function bounded(disk: { left: number }): Tap {
  return {
    write(bytes) {
      if (disk.left <= 0)
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
      const taken = Math.min(bytes, disk.left)
      disk.left -= taken
      return taken
    },
  }
}
