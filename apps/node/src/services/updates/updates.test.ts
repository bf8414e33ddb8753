import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkBundle } from '@holdfast/api/client/check-bundle'
import type { Caller } from '@holdfast/api/services'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { BundleWorkshop } from '../../appliance/bundle-fixture.ts'
import { furnishMachine, setInstalled } from '../../appliance/machine-fixture.ts'
import { appliancePaths } from '../../appliance/paths.ts'
import type { VoterCount } from '../../appliance/preflight.ts'
import { TestLog } from '../../log/log-fixture.ts'
import { BundleStore } from './bundle-store.ts'
import type { AskedMember } from './rollout-preflight.ts'
import { Updates } from './updates.ts'

let workshop: BundleWorkshop
let log: TestLog
let home: string
let updates: Updates
/** The cluster around the node, as it is told of it. */
let voters: VoterCount | null
let others: AskedMember[]

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
  const paths = furnishMachine(home, { kind: 'appliance', slot: 'A' }, workshop.path('vendor-ca.pem'))
  voters = null
  others = []
  updates = new Updates({
    paths,
    nodeId: 'n1',
    proposer: log.proposer,
    directory: log.directory,
    store: new BundleStore(paths, () => voters),
    leader: () => null,
    voterCount: () => voters,
    others: async () => others,
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

/** What the check of what was uploaded shows. */
const check = () => checkBundle({ check: { mutate: () => updates.check(caller) } })

test('a bundle that is uploaded in parts is checked, shown, and asked for', async () => {
  await upload('newer')
  const checked = await check()
  expect(checked).toMatchObject({ version: '0.2.0', notes: '# What is new' })
  expect(checked.findings.filter((finding) => finding.level === 'stop')).toEqual([])
  expect(updates.status().requested).toBe(false)
  await updates.install({ id: checked.id, again: false, allowPause: false }, caller)
  expect(updates.status().requested).toBe(true)
  const request = join(appliancePaths(home).uploads, 'request.json')
  expect(JSON.parse(readFileSync(request, 'utf8'))).toEqual({ by: 'ingrid', again: false, allowPause: false })
})

test('a foreign bundle is refused with the reason, audited and removed', async () => {
  await upload('foreign')
  await expect(check()).rejects.toThrow('is not signed by the vendor of this installation')
  expect(events()).toEqual(['update.refused'])
  expect(existsSync(join(appliancePaths(home).uploads, 'upload.raucb'))).toBe(false)
})

test('an older version is shown with what stops it, and cannot be installed', async () => {
  await upload('older')
  const { id, findings } = await check()
  expect(findings.find((finding) => finding.level === 'stop')?.found).toBe(
    'Version 0.0.1 is older than 0.1.0, which runs.',
  )
  await expect(updates.install({ id, again: false, allowPause: false }, caller)).rejects.toMatchObject({
    code: 'conflict',
  })
})

test('what was changed after the check cannot be installed, and parts must follow each other', async () => {
  await upload('newer')
  const { id } = await check()
  await expect(updates.upload({ offset: 1, data: 'AAAA' }, caller)).rejects.toMatchObject({
    code: 'conflict',
  })
  await updates.upload({ offset: 0, data: 'AAAA' }, caller)
  await expect(updates.install({ id, again: false, allowPause: false }, caller)).rejects.toMatchObject({
    code: 'conflict',
  })
})

test('how it was installed is told: without a note of it, from a checkout', () => {
  const { release } = appliancePaths(home)
  expect(updates.status().kind).toBe('appliance')
  writeFileSync(release, JSON.stringify({ version: '0.1.0', date: '2026', kind: 'container' }))
  expect(updates.status().kind).toBe('container')
  rmSync(release)
  expect(updates.status().kind).toBe('program')
})

test('where there are no slots nothing is taken', async () => {
  writeFileSync(appliancePaths(home).commandLine, 'ro quiet\n')
  expect(updates.status()).toMatchObject({ kind: 'appliance', canInstall: false, slot: null })
  await expect(updates.upload({ offset: 0, data: 'AAAA' }, caller)).rejects.toMatchObject({
    code: 'conflict',
  })
})

describe('in a cluster', () => {
  const member = (name: string, change: Partial<AskedMember> = {}): AskedMember => ({
    ...{ name, isThere: true, isOnline: true, lag: 0, votes: true },
    machine: { version: '0.1.0', installs: true },
    ...change,
  })

  async function grow(count: number): Promise<void> {
    voters = { voters: count, healthy: count }
    for (let n = 1; n <= count; n += 1) {
      await log.control('invitation.create', { id: `iv_${n}`, hash: `hash${n}`, lifeMs: 60_000 })
      const where = { address: `10.0.0.${n}`, httpsPort: 1, peerPort: 2, raftPort: 3 }
      const as = { id: `n${n}`, name: `node${n}`, version: '0.1.0', invitation: `hash${n}` }
      await log.control('node.add', { ...as, ...where })
      if (n > 1) others.push(member(`node${n}`))
    }
  }

  async function checked(name = 'newer') {
    await upload(name)
    const { id, findings } = await check()
    return { id, stops: findings.filter(({ level }) => level !== 'ok' && level !== 'warn') }
  }

  test('an update of all of them begins when all are there', async () => {
    await grow(3)
    const { id, stops } = await checked()
    expect(stops).toEqual([])
    await updates.install({ id, again: false, allowPause: false }, caller)
    expect(updates.status().rollout).toMatchObject({ version: '0.2.0', state: 'running', waits: null })
  })

  test('one that is away stops it at once, by name, also when it went after the check', async () => {
    await grow(5)
    const { id } = await checked()
    voters = { voters: 5, healthy: 4 }
    others[2] = member('node4', { isThere: false, machine: null })
    await expect(updates.install({ id, again: false, allowPause: true }, caller)).rejects.toThrow(
      'node4 is not there. Bring node4 back, or take it out for good: holdfast cluster remove node4.',
    )
    expect(updates.status().rollout).toBeNull()
    expect((await checked()).stops).toMatchObject([{ check: 'members', found: 'node4 is not there.' }])
  })

  test('two begin only when it is said that nobody can write meanwhile', async () => {
    await grow(2)
    const { id, stops } = await checked()
    expect(stops).toMatchObject([{ check: 'quorum', level: 'confirm' }])
    await expect(updates.install({ id, again: false, allowPause: false }, caller)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('nobody can write while one restarts'),
    })
    await updates.install({ id, again: false, allowPause: true }, caller)
    expect(updates.status().rollout?.state).toBe('running')
  })

  test('regression: after one that stopped half-way the bundle is taken by a node that has the version', async () => {
    await grow(3)
    setInstalled(appliancePaths(home), { kind: 'appliance', slot: 'B' }, '0.2.0')
    const { id, stops } = await checked()
    expect(stops).toEqual([])
    await updates.install({ id, again: false, allowPause: false }, caller)
    expect(updates.status().rollout?.state).toBe('running')
  })
})
