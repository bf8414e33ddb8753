import { appendFileSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openDatabase } from '@holdfast/db'
import { describe, expect, it } from 'vitest'
import { SnapshotError } from './errors.ts'
import { generation, silent, TestPeer, until } from './peer-fixture.ts'
import { markOf, setMark, sourceOf, TestFolder } from './snapshot-fixture.ts'
import { SnapshotMaker, type SnapshotMakerOptions } from './snapshot-maker.ts'
import { type DownloadOptions, downloadSnapshot, incomingPaths } from './snapshot-receiver.ts'
import type { SnapshotSource } from './snapshot-sender.ts'

const manyBytes = 1e15
const wide = async () => ({ freeBytes: manyBytes, totalBytes: manyBytes })
const narrow = async () => ({ freeBytes: 1000, totalBytes: manyBytes })

/** A sender with this source, and a receiver with an empty data folder. */
async function pair(snapshots: SnapshotSource, snapshotStallMs = 20_000) {
  const asked = await TestPeer.start(1, { server: { snapshots, snapshotStallMs } })
  const asking = await TestPeer.start(2)
  asked.knows(asking)
  const client = asking.clientOf(asked)
  const folder = new TestFolder()
  return {
    asked,
    asking,
    client,
    folder,
    incoming: incomingPaths(folder.path),
    download: (options: Partial<DownloadOptions> = {}) =>
      downloadSnapshot({
        client,
        dataFolder: folder.path,
        generation,
        minimumRevision: 0,
        logger: silent,
        ...options,
      }),
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]()
      await asking[Symbol.asyncDispose]()
      await asked[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

function makerOf(folder: TestFolder, options: Partial<SnapshotMakerOptions> = {}): SnapshotMaker {
  return new SnapshotMaker({ dataFolder: folder.path, logger: silent, space: wide, ...options })
}

const fault = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => {
      expect((error as Error).message).not.toContain('\n')
      if (error instanceof SnapshotError) return error.fault
      return `${(error as Error).name} ${(error as { code?: string; fault?: string }).fault ?? (error as { code?: string }).code}`
    },
  )

describe('a snapshot', () => {
  it('is one state of a database that is written meanwhile, and says which', async () => {
    using sender = new TestFolder()
    const db = sender.open({ mark: '0', revision: 1, messages: 20_000 })
    const held: boolean[] = []
    await using maker = makerOf(sender, {
      bounds: { stepPages: 16, bytesPerSecond: 20e6 },
      holdCheckpoints: (state) => held.push(state),
    })
    await using peers = await pair(maker)
    let revision = 1
    const writer = setInterval(() => setMark(db, String(++revision), revision), 1)
    const progress: number[] = []
    const ready = await peers.download({ onProgress: (bytes) => progress.push(bytes) })
    const after = revision
    clearInterval(writer)
    db.close()
    const got = markOf(peers.incoming.database)
    expect(got.mark).toBe(String(got.revision))
    expect(ready).toMatchObject({
      generation,
      revision: got.revision,
      index: got.revision,
      from: peers.asked.nodeId,
    })
    expect(got.revision).toBeLessThan(after)
    expect(progress.at(-1)).toBe(ready.bytes)
    expect(held).toEqual([true, false])
    expect(statSync(peers.incoming.database).mode & 0o777).toBe(0o600)
    expect(statSync(peers.incoming.folder).mode & 0o777).toBe(0o700)
    expect(readdirSync(peers.incoming.folder).sort()).toEqual(['cluster.db', 'ready.json'])
  })

  it('is shared by those who come at the same time, remade for who needs more, and removed afterwards', async () => {
    using sender = new TestFolder()
    const db = sender.open({ mark: 'a', revision: 5 })
    await using maker = makerOf(sender, { shareMs: 30 })
    const [first, second] = await Promise.all([maker.take(), maker.take()])
    expect(second.file).toBe(first.file)
    setMark(db, 'b', 6)
    const newer = await maker.take(6)
    expect(newer.file).not.toBe(first.file)
    expect([first.revision, newer.revision]).toEqual([5, 6])
    expect(markOf(first.file).mark).toBe('a')
    for (const each of [first, second, newer, newer]) each.release()
    const outgoing = join(sender.path, 'outgoing')
    await until('the copies are gone', () => readdirSync(outgoing).length === 0)
    const again = await maker.take(1)
    expect(markOf(again.file).mark).toBe('b')
    db.close()
    again.release()
    await maker[Symbol.asyncDispose]()
    expect(readdirSync(outgoing)).toEqual([])
    await expect(maker.take()).rejects.toMatchObject({ code: 'shutting-down' })
  })

  it('is not made where the disk has no room for it, and not where too much is written meanwhile', async () => {
    using sender = new TestFolder()
    const db = sender.open({ mark: 'a', messages: 20_000 })
    await using full = makerOf(sender, { space: narrow })
    await using peers = await pair(full)
    expect(await fault(peers.download())).toBe('HoldfastError disk-full')
    await using busy = makerOf(sender, { bounds: { walBytes: 1, flushBytes: 4096, stepPages: 4 } })
    setMark(db, 'b', 8)
    await expect(busy.take()).rejects.toMatchObject({ code: 'internal' })
    await until('nothing is left', () => readdirSync(join(sender.path, 'outgoing')).length === 0)
    db.close()
  })

  it('brings what was written meanwhile from the write-ahead log into the database, without the writer', async () => {
    using sender = new TestFolder()
    const db = sender.open({ mark: 'a', messages: 20_000 })
    db.pragma('wal_checkpoint(TRUNCATE)')
    db.pragma('wal_autocheckpoint = 0')
    const before = statSync(sender.databaseFile).size
    await using maker = makerOf(sender, { bounds: { stepPages: 16, bytesPerSecond: 20e6 } })
    const taking = maker.take()
    let written = 0
    const insert = db.prepare('INSERT INTO setting (key, value, updatedAt) VALUES (?, ?, 0)')
    const writer = setInterval(() => insert.run(`large ${++written}`, 'x'.repeat(50_000)), 1)
    const copy = await taking
    clearInterval(writer)
    expect(written).toBeGreaterThan(10)
    expect(statSync(sender.databaseFile).size).toBeGreaterThan(before + 50_000)
    copy.release()
    db.close()
  })
})

describe('what is wrong with a snapshot is noticed, and nothing of it is left', () => {
  const cases: [string, string, Parameters<typeof sourceOf>[1]][] = [
    ['changed on the way', 'wrong-hash', { sha256: '0'.repeat(64) }],
    ['of another state than it says', 'wrong-log', { index: 3 }],
    ['of another chain than it says', 'wrong-log', { chain: '00' }],
    ['longer than it is', 'cut', { bytes: 1e9 }],
    ['without a hash', 'damaged', { sha256: 'x' }],
  ]
  it.each(cases)('%s', async (_, expected, lies) => {
    using sender = new TestFolder().fill({ mark: 'new' })
    await using peers = await pair(sourceOf(sender.databaseFile, lies).source)
    expect(await fault(peers.download())).toBe(expected)
    expect(readdirSync(peers.incoming.folder)).toEqual([])
  })

  it('of another log, or not far enough', async () => {
    using sender = new TestFolder().fill({ mark: 'new' })
    await using peers = await pair(sourceOf(sender.databaseFile).source)
    expect(await fault(peers.download({ generation: 'g_9' }))).toBe('wrong-log')
    expect(await fault(peers.download({ minimumRevision: 8 }))).toBe('wrong-log')
    peers.asking.generation = 'g_9'
    expect(await fault(peers.download())).toBe('ForeignGenerationError foreign-generation')
    expect(readdirSync(peers.incoming.folder)).toEqual([])
  })

  it('no database, a damaged one, or one of a newer version', async () => {
    using sender = new TestFolder().fill({ mark: 'new', messages: 5000 })
    const { databaseFile } = sender
    await using peers = await pair(sourceOf(databaseFile).source)
    const db = openDatabase(databaseFile, { role: 'writer' })
    db.exec("INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', 'y', '9999_future')")
    db.close()
    const error = await peers.download().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ fault: 'damaged', message: expect.stringContaining('9999_future') })
    // The pages after the first: the file still opens.
    const { size } = statSync(databaseFile)
    const bytes = Buffer.alloc(size - 8192, 0x55)
    const { open } = await import('node:fs/promises')
    const file = await open(databaseFile, 'r+')
    await file.write(bytes, 0, bytes.length, 8192)
    await file.close()
    expect(await fault(peers.download())).toBe('damaged')
    writeFileSync(databaseFile, 'this is no database\n'.repeat(1000))
    expect(await fault(peers.download())).toBe('damaged')
    expect(readdirSync(peers.incoming.folder)).toEqual([])
  })

  it('cut in the middle, called off, or too large for the disk', async () => {
    using sender = new TestFolder().fill({ mark: 'new', messages: 50_000 })
    const { source, state } = sourceOf(sender.databaseFile)
    await using peers = await pair(source)
    const cut = peers.download({ onProgress: () => peers.asked.members.clear() })
    expect(await fault(cut)).toBe('cut')
    peers.asked.knows(peers.asking)
    const off = new AbortController()
    expect(await fault(peers.download({ signal: off.signal, onProgress: () => off.abort() }))).toBe('cut')
    expect(await fault(peers.download({ space: narrow }))).toBe('no-room')
    await until('each is let go', () => state.released === 3)
    expect(readdirSync(peers.incoming.folder)).toEqual([])
    expect((await peers.download()).revision).toBe(7)
  })
})

describe('who stands still', () => {
  it('as a reader is cut off, and his snapshot let go', async () => {
    using sender = new TestFolder().fill({ mark: 'new' })
    // More than the buffers of both sockets hold.
    appendFileSync(sender.databaseFile, Buffer.alloc(64 * 1024 * 1024))
    const { source, state } = sourceOf(sender.databaseFile)
    await using peers = await pair(source, 200)
    const { signal } = new AbortController()
    const answer = await peers.client.openSnapshot({ signal, wantedRevision: 0 })
    const ended = new Promise((resolve) => answer.body.once('error', resolve))
    await until('it is let go', () => state.released === 1)
    answer.body.resume()
    await ended
  })

  it('as a sender is given up', async () => {
    const never: SnapshotSource = { take: () => new Promise(() => {}) }
    await using peers = await pair(never)
    expect(await fault(peers.download({ stallMs: 200 }))).toBe('PeerError timeout')
    expect(existsSync(peers.incoming.database)).toBe(false)
  })

  it('while a snapshot is made says that it lives', async () => {
    using sender = new TestFolder().fill({ mark: 'new' })
    const { source } = sourceOf(sender.databaseFile)
    const slow: SnapshotSource = {
      take: async (revision) => {
        await sleep(4500)
        return source.take(revision)
      },
    }
    await using peers = await pair(slow)
    expect((await peers.download({ stallMs: 3500 })).revision).toBe(7)
  })
})
