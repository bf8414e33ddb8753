import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from '@holdfast/db'
import { describe, expect, it } from 'vitest'
import { segmentBytes } from '../services/audit/segment-format.ts'
import { SegmentTail } from '../services/audit/segment-tail.ts'
import { readFrom } from '../services/audit/test-log.ts'
import { verifyAudit } from '../services/audit/verify.ts'
import { type FileSteps, fileSteps } from './file-steps.ts'
import { installIncoming } from './install-incoming.ts'
import { generation, silent, TestPeer } from './peer-fixture.ts'
import { auditRows, type DatabaseContent, markOf, sourceOf, TestFolder, write } from './snapshot-fixture.ts'
import { downloadSnapshot, incomingPaths, type ReadySnapshot } from './snapshot-receiver.ts'

/** The process dies: from this step on nothing happens any more. */
class Crash extends Error {}

/** Steps that work until the numbered one, which dies before or after it did its work. */
function dyingAt(step: number, when: 'before' | 'after'): { steps: FileSteps; done: () => number } {
  let count = 0
  let dead = false
  const wrap =
    <A extends unknown[]>(work: (...args: A) => Promise<void>) =>
    async (...args: A): Promise<void> => {
      if (dead) throw new Crash()
      count += 1
      if (count === step && when === 'before') {
        dead = true
        throw new Crash()
      }
      await work(...args)
      if (count === step) {
        dead = true
        throw new Crash()
      }
    }
  const { ensureFolder, remove, rename, syncFile, syncFolder, write: replace } = fileSteps
  return {
    done: () => count,
    steps: {
      ensureFolder: wrap(ensureFolder),
      remove: wrap(remove),
      rename: wrap(rename),
      syncFile: wrap(syncFile),
      syncFolder: wrap(syncFolder),
      write: wrap(replace),
    },
  }
}

const oldAudit = auditRows(5)
const newAudit = auditRows(9)

/** The folder of a node that was killed: what it committed last is in the write-ahead log only. */
async function killedNode(folder: string, audit = oldAudit): Promise<void> {
  using home = new TestFolder()
  const db = home.open({ mark: 'older', revision: 2, audit })
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.pragma('wal_autocheckpoint = 0')
  write(db, { mark: 'old', revision: 3, messages: 200 })
  cpSync(home.path, folder, { recursive: true })
  db.close()
  expect(statSync(join(folder, 'cluster.db-wal')).size).toBeGreaterThan(0)
  writeFileSync(join(folder, 'search.db'), 'an index of the old one')
  await writeAudit(join(folder, 'audit'), audit)
}

async function writeAudit(directory: string, rows: typeof oldAudit): Promise<void> {
  mkdirSync(directory, { recursive: true })
  const tail = new SegmentTail({ directory, segmentBytes, facility: () => 'Test', openFile: open })
  await tail.recover()
  await tail.append(rows)
  await tail.close()
}

/** A whole snapshot that waits to be installed. */
function waiting(folder: string, content: DatabaseContent): ReadySnapshot {
  using home = new TestFolder().fill(content)
  const paths = incomingPaths(folder)
  mkdirSync(paths.folder, { recursive: true })
  cpSync(home.databaseFile, paths.database)
  const bytes = readFileSync(paths.database)
  const ready: ReadySnapshot = {
    generation,
    revision: content.revision ?? 7,
    index: content.revision ?? 7,
    chain: '',
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    from: 'n_1',
    receivedAt: Date.UTC(2026, 10, 23, 18, 40),
  }
  writeFileSync(paths.ready, JSON.stringify(ready))
  return ready
}

describe('a received snapshot', () => {
  it('takes the place of the database; audit files that it continues stay', async () => {
    using node = new TestFolder()
    await killedNode(node.path)
    mkdirSync(join(node.path, 'outgoing'))
    writeFileSync(join(node.path, 'outgoing', 'left.db'), 'by a crash')
    const snapshot = waiting(node.path, { mark: 'new', audit: newAudit })
    expect(await installIncoming(node.path)).toEqual({
      installed: true,
      snapshot,
      auditReplaced: null,
      problem: null,
    })
    expect(markOf(node.databaseFile)).toEqual({ mark: 'new', revision: 7 })
    expect(readdirSync(node.path).sort()).toEqual(['audit', 'cluster.db'])
    expect((await installIncoming(node.path)).installed).toBe(false)
  })

  it.each([
    ['events that the new database lacks', 12, {}],
    ['other events in their place', 5, { from: 4, variant: 'diverged' }],
  ])('puts aside audit files that have %s', async (_, count, change) => {
    using node = new TestFolder()
    const audit = auditRows(count, change)
    await killedNode(node.path, audit)
    waiting(node.path, { mark: 'new', audit: newAudit })
    const { auditReplaced } = await installIncoming(node.path)
    expect(auditReplaced).toBe(join(node.path, 'audit-replaced-20261123T184000Z'))
    expect(await verifyAudit({ directory: auditReplaced as string })).toMatchObject({
      ok: true,
      events: count,
    })
    expect(existsSync(join(node.path, 'audit'))).toBe(false)
    await writeAudit(join(node.path, 'audit'), newAudit)
    // Evidence of an earlier time is never overwritten.
    await killedNode(node.path, [])
    await writeAudit(join(node.path, 'audit'), auditRows(20, { from: 10, variant: 'x' }).slice(9))
    waiting(node.path, { mark: 'newer', audit: newAudit })
    expect((await installIncoming(node.path)).auditReplaced).toBe(`${auditReplaced}-2`)
  })

  it('leaves damaged audit files where they are, for somebody to look at', async () => {
    using node = new TestFolder()
    await killedNode(node.path)
    const [name] = readdirSync(join(node.path, 'audit'))
    writeFileSync(join(node.path, 'audit', name as string), `${'x'.repeat(100)}\nno event\n`)
    waiting(node.path, { mark: 'new', audit: newAudit })
    expect(await installIncoming(node.path)).toMatchObject({ installed: true, auditReplaced: null })
    expect(existsSync(join(node.path, 'audit', name as string))).toBe(true)
  })

  it.each([
    ['is not announced', (folder: string) => writeFileSync(join(folder, 'ready.json'), '{"bytes":')],
    ['was changed', (folder: string) => flipByte(join(folder, 'cluster.db'))],
    ['became shorter', (folder: string) => writeFileSync(join(folder, 'cluster.db'), 'short')],
    ['is gone', (folder: string) => rmSync(join(folder, 'cluster.db'))],
  ])('that %s is thrown away, and the database stays with all that it has', async (_, spoil) => {
    using node = new TestFolder()
    await killedNode(node.path)
    waiting(node.path, { mark: 'new', audit: newAudit })
    spoil(join(node.path, 'incoming'))
    expect((await installIncoming(node.path)).installed).toBe(false)
    expect(existsSync(join(node.path, 'incoming'))).toBe(false)
    expect(markOf(node.databaseFile)).toEqual({ mark: 'old', revision: 3 })
  })

  it('is installed on a node that has no database yet', async () => {
    using node = new TestFolder()
    waiting(node.path, { mark: 'new', audit: newAudit })
    expect((await installIncoming(node.path)).installed).toBe(true)
    expect(markOf(node.databaseFile).mark).toBe('new')
  })
})

describe('a crash at any step', () => {
  it('of installing leaves a start that ends with the new database, whole, and audit files that fit', async () => {
    const diverged = auditRows(5, { from: 4, variant: 'diverged' })
    let steps = Number.POSITIVE_INFINITY
    for (let step = 1; step <= steps; step++) {
      for (const when of ['before', 'after'] as const) {
        using node = new TestFolder()
        await killedNode(node.path, diverged)
        waiting(node.path, { mark: 'new', audit: newAudit })
        const dying = dyingAt(step, when)
        const first = await installIncoming(node.path, dying.steps).then(
          () => true,
          (error: unknown) => {
            if (!(error instanceof Crash)) throw error
            return false
          },
        )
        if (first) steps = dying.done()
        await installIncoming(node.path)
        expect({ step, when, ...markOf(node.databaseFile) }).toEqual({ step, when, mark: 'new', revision: 7 })
        const left = readdirSync(node.path).filter((name) => !/^cluster\.db/.test(name))
        expect(left).toEqual(['audit-replaced-20261123T184000Z'])
      }
    }
    expect(steps).toBeGreaterThan(10)
  })

  it('of receiving, and then of installing, leaves the old or the new database, whole', async () => {
    using sender = new TestFolder().fill({ mark: 'new', audit: newAudit })
    await using asked = await TestPeer.start(1, {
      server: { snapshots: sourceOf(sender.databaseFile).source },
    })
    await using asking = await TestPeer.start(2)
    asked.knows(asking)
    using client = asking.clientOf(asked)
    const download = (dataFolder: string, steps: FileSteps) =>
      downloadSnapshot({ client, dataFolder, generation, minimumRevision: 0, logger: silent, steps })
    const outcomes = new Set<string>()
    let steps = Number.POSITIVE_INFINITY
    for (let step = 1; step <= steps; step++) {
      using node = new TestFolder()
      await killedNode(node.path)
      const dying = dyingAt(step, step % 2 === 0 ? 'before' : 'after')
      const whole = await download(node.path, dying.steps).then(
        () => true,
        (error: unknown) => {
          if (!(error instanceof Crash)) throw error
          return false
        },
      )
      if (whole) steps = dying.done()
      await installIncoming(node.path)
      const { mark, revision } = markOf(node.databaseFile)
      expect([`new 7`, `old 3`]).toContain(`${mark} ${revision}`)
      if (whole) expect(mark).toBe('new')
      outcomes.add(mark)
      expect(existsSync(join(node.path, 'incoming'))).toBe(false)
      // And the next try works.
      await download(node.path, fileSteps)
      expect((await installIncoming(node.path)).installed).toBe(true)
      expect(markOf(node.databaseFile).mark).toBe('new')
    }
    expect([...outcomes].sort()).toEqual(['new', 'old'])
  })
})

it('the rows of the new database continue the audit files that stayed', async () => {
  using node = new TestFolder()
  await killedNode(node.path)
  waiting(node.path, { mark: 'new', audit: newAudit })
  await installIncoming(node.path)
  const { AuditSegments } = await import('../services/audit/segments.ts')
  const segments = new AuditSegments({
    directory: join(node.path, 'audit'),
    readRows: readFrom(newAudit),
    logger: silent,
    facility: () => 'Test',
  })
  await segments.start()
  await segments.flush()
  expect(segments.status()).toMatchObject({ state: 'following', seq: 9 })
  await segments[Symbol.asyncDispose]()
  const db = openDatabase(node.databaseFile, { role: 'reader' })
  expect(db.prepare('SELECT count(*) FROM audit_event').pluck().get()).toBe(9)
  db.close()
})

function flipByte(file: string): void {
  const bytes = readFileSync(file)
  bytes[bytes.length - 10] = (bytes[bytes.length - 10] ?? 0) ^ 1
  writeFileSync(file, bytes)
}
