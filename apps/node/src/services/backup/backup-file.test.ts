import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { recoveryKeyText } from '@holdfast/api/contract/recovery-key-text'
import { openDatabase } from '@holdfast/db'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Volume } from '../../../test/volume.ts'
import { openDataFolder } from '../../data-folder.ts'
import { outgoingFolder } from '../../peer/snapshot-maker.ts'
import { systemClock } from '../../platform/clock.ts'
import { TestFacility } from './backup-fixture.ts'
import { listBackups, retain, sweepTemporary } from './backup-folder.ts'
import { writeInThread } from './create-backup.ts'
import { BackupError } from './errors.ts'
import { trailer, trailerBytes } from './format.ts'
import { proveBackup } from './prove.ts'
import { checkOuter, readHead } from './read-backup.ts'
import { newRecoveryKey, parseRecoveryKey } from './recovery-key.ts'
import { restoreBackup } from './restore.ts'
import { unpack } from './unpack-backup.ts'
import { writeBackup } from './write-backup.ts'

let facility: TestFacility
/** A good backup, and its bytes. */
let good: { path: string; content: Buffer }
let altered = ''

beforeAll(async () => {
  facility = await TestFacility.make()
  const { file } = await facility.create()
  const path = join(facility.backups, file)
  good = { path, content: readFileSync(path) }
  altered = join(facility.path, 'altered.hfbackup')
})
afterAll(() => facility[Symbol.asyncDispose]())

const faultOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'accepted',
    (error) => (error instanceof BackupError ? error.fault : `not refused as a backup: ${error}`),
  )

/** The file with its last line made anew, as somebody would who means it. */
function resealed(content: Buffer): Buffer {
  const body = content.subarray(0, content.length - trailerBytes)
  const sha256 = createHash('sha256').update(body).digest('hex')
  return Buffer.concat([body, Buffer.from(trailer(sha256, body.length))])
}

test('a backup holds the whole facility and can be proven; nothing is left behind', async () => {
  const work = facility.folder('work')
  const proven = await proveBackup({ file: good.path, key: facility.key, workFolder: work })
  expect(proven.manifest).toMatchObject({ facility: 'Mill', generation: '', caughtUp: true })
  expect(proven.people).toBe(1)
  expect(proven.audit).toMatchObject({ ok: true, events: proven.manifest.audit.seq + 1 })
  expect(proven.nodeId).not.toBe(facility.nodeId)
  expect(readdirSync(work)).toEqual([])
  expect(readdirSync(outgoingFolder(facility.dataDir))).toEqual([])
})

test('nothing of the content stands in the file unencrypted', () => {
  for (const text of ['SQLite format', 'PRIVATE KEY', 'facility.created', 'olga'])
    expect(good.content.includes(text)).toBe(false)
})

test('a file that was cut off anywhere is refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: good.content.length - 1 }), async (length) => {
      writeFileSync(altered, good.content.subarray(0, length))
      expect(['cut-off', 'not-a-backup']).toContain(await faultOf(checkOuter(altered)))
    }),
    { numRuns: 60 },
  )
  writeFileSync(altered, good.content)
  appendFileSync(altered, 'x')
  expect(await faultOf(checkOuter(altered))).toBe('cut-off')
})

test('a changed byte is found without the key', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: good.content.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, change) => {
        const content = Buffer.from(good.content)
        content[at] = (content[at] ?? 0) ^ change
        writeFileSync(altered, content)
        expect(['altered', 'cut-off', 'not-a-backup', 'newer']).toContain(await faultOf(checkOuter(altered)))
      },
    ),
    { numRuns: 60 },
  )
})

test('a changed byte whose check sum was made to fit is found with the key', async () => {
  const { start, end } = (await readHead(good.path)).content
  let n = 0
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: start, max: end - 1 }), async (at) => {
      const content = Buffer.from(good.content)
      content[at] = (content[at] ?? 0) ^ 1
      writeFileSync(altered, resealed(content))
      const head = await checkOuter(altered)
      n += 1
      const folder = facility.folder(`unpacked-${n}`)
      expect(['altered', 'wrong-key', 'unsound']).toContain(
        await faultOf(unpack(altered, { head, key: facility.key, folder })),
      )
    }),
    { numRuns: 25 },
  )
})

test('a head that says something else than the manifest is refused', async () => {
  const text = good.content.toString('latin1').replace('"version":"0.0.1"', '"version":"0.0.0"')
  writeFileSync(altered, resealed(Buffer.from(text, 'latin1')))
  const proving = proveBackup({ file: altered, key: facility.key, workFolder: facility.path })
  await expect(proving).rejects.toThrow('its head says version "0.0.0", its encrypted manifest "0.0.1"')
})

test('another key is refused, and named', async () => {
  const other = await newRecoveryKey()
  const proving = proveBackup({ file: good.path, key: other, workFolder: facility.path })
  await expect(proving).rejects.toMatchObject({ fault: 'wrong-key' })
  await expect(proving).rejects.toThrow(other.recipient)
})

test('a backup of a later version is refused', async () => {
  const { file } = await facility.create({ version: '99.1.0', folder: facility.folder('newer') })
  const proving = proveBackup({
    file: join(facility.path, 'newer', file),
    key: facility.key,
    workFolder: facility.path,
  })
  await expect(proving).rejects.toThrow(/was made by version 99\.1\.0.*install that version/)
})

test('a backup whose database does not match its manifest is refused', async () => {
  const forge: typeof writeBackup = async (request) => {
    const db = openDatabase(request.copy.file, { role: 'writer' })
    db.exec("UPDATE audit_event SET event = replace(event, 'olga', 'oleg')")
    db.pragma('wal_checkpoint(TRUNCATE)')
    db.close()
    const bytes = readFileSync(request.copy.file)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return writeBackup({ ...request, copy: { ...request.copy, bytes: bytes.length, sha256 } })
  }
  const { file } = await facility.create({
    folder: facility.folder('forged'),
    write: (request) => forge(request),
  })
  const path = join(facility.path, 'forged', file)
  const proving = proveBackup({ file: path, key: facility.key, workFolder: facility.path })
  await expect(proving).rejects.toThrow(/audit log that does not verify/)
})

test('a key file is read with its comments, and a mistyped key is told from none', async () => {
  const { key } = facility
  expect(await parseRecoveryKey(recoveryKeyText(key, 'Mill', 0))).toEqual(key)
  expect(await parseRecoveryKey(key.secret.toLowerCase())).toEqual(key)
  await expect(parseRecoveryKey('# nothing')).rejects.toThrow('holds no recovery key')
  const last = key.secret.endsWith('Q') ? 'P' : 'Q'
  await expect(parseRecoveryKey(key.secret.slice(0, -1) + last)).rejects.toThrow('check sum does not fit')
})

describe('the folder', () => {
  test('unfinished files are not listed, and only this node’s are swept', async () => {
    const folder = facility.folder('shared')
    writeFileSync(join(folder, `.hfbackup-${facility.nodeId}-a.tmp`), 'half')
    writeFileSync(join(folder, '.hfbackup-n_other-b.tmp'), 'half')
    expect((await listBackups(folder)).files).toEqual([])
    await sweepTemporary(folder, facility.nodeId)
    expect(readdirSync(folder)).toEqual(['.hfbackup-n_other-b.tmp'])
  })

  test('a damaged file is listed with what is wrong', async () => {
    const folder = facility.folder('damaged')
    writeFileSync(join(folder, 'x.hfbackup'), good.content.subarray(0, 500))
    const { files } = await listBackups(folder)
    expect(files).toMatchObject([{ file: 'x.hfbackup', problem: expect.stringContaining('cut off') }])
  })

  test('the newest are kept; what is not this node’s own is never removed', async () => {
    const folder = facility.folder('kept')
    for (let n = 1; n <= 4; n += 1)
      await facility.create({ folder, createdAt: Date.UTC(2026, 2, n), keep: 2 })
    writeFileSync(join(folder, 'other.hfbackup'), 'something else')
    const about = {
      facility: 'Mill',
      node: { id: 'n_other', name: 'mill-2' },
      version: '0.0.1',
      createdAt: 1,
      recipient: facility.key.recipient,
    }
    await facility.create({ folder, about, keep: 1 })
    const names = readdirSync(folder).toSorted()
    expect(names).toEqual([
      'mill-mill-1-20260303T000000Z.hfbackup',
      'mill-mill-1-20260304T000000Z.hfbackup',
      'mill-mill-2-19700101T000000Z.hfbackup',
      'other.hfbackup',
    ])
    await retain(folder, { nodeId: facility.nodeId, facility: 'Mill', keep: 1 })
    expect(readdirSync(folder)).toHaveLength(3)
  })

  test('two backups of one second have two names', async () => {
    const folder = facility.folder('twice')
    const first = await facility.create({ folder })
    const second = await facility.create({ folder })
    expect(second.file).toBe(first.file.replace('.hfbackup', '-2.hfbackup'))
  })
})

describe('writing that fails', () => {
  test('too little room is refused before anything is written', async () => {
    const folder = facility.folder('small')
    const space = () => Promise.resolve({ freeBytes: 1000, totalBytes: 10_000 })
    await expect(facility.create({ folder, space })).rejects.toMatchObject({ code: 'disk-full' })
    expect(readdirSync(folder)).toEqual([])
  })

  test('a disk that becomes full leaves nothing, and says so', async () => {
    using volume = new Volume(join(facility.path, 'volume'), 1)
    facility.grow(4 * 1024 * 1024)
    const space = () => Promise.resolve({ freeBytes: 1e12, totalBytes: 1e12 })
    const creating = facility.create({ folder: volume.dataDir, space, write: writeInThread })
    await expect(creating).rejects.toMatchObject({ code: 'disk-full' })
    await expect(creating).rejects.toThrow('became full while the backup was written')
    expect(readdirSync(volume.dataDir)).toEqual([])
    // The copy is removed behind the answer.
    await vi.waitFor(() => expect(readdirSync(outgoingFolder(facility.dataDir))).toEqual([]))
  })

  test('a folder that the node may not write to is named, with what to do', async () => {
    const write = () => Promise.reject(Object.assign(new Error('read-only file system'), { code: 'EROFS' }))
    const creating = facility.create({ folder: facility.folder('closed'), write })
    await expect(creating).rejects.toMatchObject({ code: 'conflict' })
    await expect(creating).rejects.toThrow(/may not write to .*closed \(EROFS\): give the folder to the user/)
  })

  test('a process that dies while it writes leaves no backup', async () => {
    const folder = facility.folder('dying')
    const write: typeof writeInThread = async ({ target }) => {
      writeFileSync(target, good.content.subarray(0, 2000))
      // What a kill leaves: the file, and nobody who removes it.
      throw new Error('dead')
    }
    await expect(facility.create({ folder, write })).rejects.toThrow('dead')
    expect((await listBackups(folder)).files).toEqual([])
  })

  test('without a quorum a backup is made, and says that it may lack something', async () => {
    const { caughtUp, file } = await facility.create({
      folder: facility.folder('alone'),
      readIndex: () => Promise.reject(new Error('no quorum')),
    })
    expect(caughtUp).toBe(false)
    const proven = await proveBackup({
      file: join(facility.path, 'alone', file),
      key: facility.key,
      workFolder: facility.path,
    })
    expect(proven.manifest.caughtUp).toBe(false)
  })
})

describe('restoring', () => {
  const open = (dataDir: string) =>
    openDataFolder({ dataDir, facility: '', nodeName: null, publicNames: [], clock: systemClock })

  test('makes a node with the same CA and another id', async () => {
    const dataDir = join(facility.path, 'restored')
    const restored = await restoreBackup({ file: good.path, key: facility.key, dataDir, nodeName: 'mill-9' })
    const [old, made] = [await open(facility.dataDir), await open(dataDir)]
    expect(made.identity).toEqual({ nodeId: restored.nodeId, nodeName: 'mill-9', facility: 'Mill' })
    expect(made.caFingerprint).toEqual(old.caFingerprint)
    expect(made.identity.nodeId).not.toBe(old.identity.nodeId)
    expect(made.membership.read()).toBeNull()
    old.close()
    made.close()
  })

  test('refuses a folder that has something in it', async () => {
    const dataDir = facility.folder('full')
    writeFileSync(join(dataDir, 'letter.txt'), '')
    const refused = restoreBackup({ file: good.path, key: facility.key, dataDir })
    await expect(refused).rejects.toThrow('is not empty (letter.txt)')
    expect(readdirSync(dataDir)).toEqual(['letter.txt'])
  })

  test('refuses the folder of a node, and names the process that has it', async () => {
    const folder = await open(facility.dataDir)
    try {
      const { dataDir, key } = facility
      await expect(restoreBackup({ file: good.path, key, dataDir })).rejects.toThrow(/in use by another/)
    } finally {
      folder.close()
    }
  })

  test('leaves an empty folder behind when the backup is refused', async () => {
    const dataDir = join(facility.path, 'refused')
    writeFileSync(altered, good.content.subarray(0, -1))
    await expect(restoreBackup({ file: altered, key: facility.key, dataDir })).rejects.toThrow('cut off')
    expect(readdirSync(dataDir).filter((name) => !name.startsWith('holdfast.'))).toEqual([])
    await restoreBackup({ file: good.path, key: facility.key, dataDir })
  })

  test('that was cut off serves nobody, and begins anew', async () => {
    const dataDir = facility.folder('cut')
    mkdirSync(join(dataDir, 'restoring'))
    writeFileSync(join(dataDir, 'cluster.db'), 'half moved')
    await expect(open(dataDir)).rejects.toThrow('was cut off: run holdfast backup restore again')
    await restoreBackup({ file: good.path, key: facility.key, dataDir })
    expect(existsSync(join(dataDir, 'restoring'))).toBe(false)
    ;(await open(dataDir)).close()
  })
})
