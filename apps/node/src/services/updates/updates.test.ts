import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Caller } from '@holdfast/api/services'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { BundleWorkshop } from '../../appliance/bundle-fixture.ts'
import { appliancePaths } from '../../appliance/paths.ts'
import { TestLog } from '../../log/log-fixture.ts'
import { BundleStore } from './bundle-store.ts'
import { Updates } from './updates.ts'

let workshop: BundleWorkshop
let log: TestLog
let home: string
let updates: Updates

const caller = {
  personId: 'p_x',
  name: 'ingrid',
  sessionId: 's_x',
  deviceId: null,
  remote: '10.0.0.9',
} as unknown as Caller
const events = () =>
  log.db.prepare("SELECT action FROM audit_event WHERE action LIKE 'update.%'").pluck().all() as string[]

beforeAll(async () => {
  workshop = await BundleWorkshop.open()
  workshop.vendor('vendor')
  workshop.vendor('stranger')
  const files = { 'rootfs.img': 'image', 'release-notes.md': '# What is new' }
  workshop.bundle('newer', { vendor: 'vendor', version: '0.2.0', files })
  workshop.bundle('older', { vendor: 'vendor', version: '0.0.1', files })
  workshop.bundle('foreign', { vendor: 'stranger', version: '0.2.0', files })
})
afterAll(async () => await workshop[Symbol.asyncDispose]())

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'holdfast-updates-'))
  log = await TestLog.start()
  await log.populate(null)
  const paths = appliancePaths(home)
  for (const file of [paths.commandLine, paths.release, paths.releaseRoot])
    mkdirSync(dirname(file), { recursive: true })
  for (const folder of [paths.node, paths.data]) mkdirSync(folder, { recursive: true })
  writeFileSync(paths.commandLine, 'ro rauc.slot=A quiet\n')
  writeFileSync(paths.release, JSON.stringify({ version: '0.1.0', date: '2026', kind: 'appliance' }))
  cpSync(workshop.path('vendor-ca.pem'), paths.releaseRoot)
  updates = new Updates({
    paths,
    nodeId: 'n1',
    proposer: log.proposer,
    directory: log.directory,
    store: new BundleStore(paths, () => null),
    leader: () => null,
  })
  return async () => {
    await log[Symbol.asyncDispose]()
    await rm(home, { recursive: true, force: true })
  }
})

async function upload(name: string, chunkBytes = 3_000): Promise<void> {
  const whole = readFileSync(workshop.path(`${name}.raucb`))
  for (let offset = 0; offset < whole.length; offset += chunkBytes) {
    const data = whole.subarray(offset, offset + chunkBytes).toString('base64')
    expect(await updates.upload({ offset, data }, caller)).toEqual({
      bytes: Math.min(offset + chunkBytes, whole.length),
    })
  }
}

test('a bundle that is uploaded in parts is checked, shown, and asked for', async () => {
  await upload('newer')
  const checked = await updates.check(caller)
  expect(checked).toMatchObject({ version: '0.2.0', notes: '# What is new' })
  expect(checked.findings.filter((finding) => finding.level === 'stop')).toEqual([])
  expect(updates.status().requested).toBe(false)
  await updates.install({ id: checked.id, again: false }, caller)
  expect(updates.status().requested).toBe(true)
  const request = join(appliancePaths(home).uploads, 'request.json')
  expect(JSON.parse(readFileSync(request, 'utf8'))).toEqual({ by: 'ingrid', again: false })
})

test('a foreign bundle is refused with the reason, audited and removed', async () => {
  await upload('foreign')
  await expect(updates.check(caller)).rejects.toThrow('is not signed by the vendor of this installation')
  expect(events()).toEqual(['update.refused'])
  expect(existsSync(join(appliancePaths(home).uploads, 'upload.raucb'))).toBe(false)
})

test('an older version is shown with what stops it, and cannot be installed', async () => {
  await upload('older')
  const { id, findings } = await updates.check(caller)
  expect(findings.find((finding) => finding.level === 'stop')?.found).toBe(
    'Version 0.0.1 is older than 0.1.0, which runs.',
  )
  await expect(updates.install({ id, again: false }, caller)).rejects.toMatchObject({ code: 'conflict' })
})

test('what was changed after the check cannot be installed, and parts must follow each other', async () => {
  await upload('newer')
  const { id } = await updates.check(caller)
  await expect(updates.upload({ offset: 1, data: 'AAAA' }, caller)).rejects.toMatchObject({
    code: 'conflict',
  })
  await updates.upload({ offset: 0, data: 'AAAA' }, caller)
  await expect(updates.install({ id, again: false }, caller)).rejects.toMatchObject({ code: 'conflict' })
})

test('where there are no slots nothing is taken', async () => {
  writeFileSync(appliancePaths(home).commandLine, 'ro quiet\n')
  expect(updates.status()).toMatchObject({ canInstall: false, slot: null })
  await expect(updates.upload({ offset: 0, data: 'AAAA' }, caller)).rejects.toMatchObject({
    code: 'conflict',
  })
})
