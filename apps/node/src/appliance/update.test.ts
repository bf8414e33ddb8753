/** The whole update with real files and bundles; only RAUC, systemd and the restart are stood in for. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { Machine } from './appliance-fixture.ts'
import { BundleWorkshop } from './bundle-fixture.ts'
import { PowerCut } from './cut-fixture.ts'

let workshop: BundleWorkshop
let home: string
let machine: Machine

beforeAll(async () => {
  workshop = await BundleWorkshop.open()
  workshop.vendor('vendor')
  workshop.vendor('stranger')
  const migrations = { cluster: ['0001_init', '0002_more'], node: [] }
  const files = { 'rootfs.img': 'image' }
  workshop.bundle('newer', { vendor: 'vendor', version: '0.2.0', files, contents: { migrations } })
  workshop.bundle('same-schema', {
    vendor: 'vendor',
    version: '0.1.1',
    files,
    contents: { migrations: { cluster: ['0001_init'], node: [] } },
  })
  workshop.bundle('older', { vendor: 'vendor', version: '0.0.9', files })
  workshop.bundle('same', { vendor: 'vendor', version: '0.1.0', files })
  workshop.bundle('far', { vendor: 'vendor', version: '2.0.0', files, contents: { minVersion: '1.0.0' } })
  workshop.bundle('arm', { vendor: 'vendor', version: '0.2.0', files, compatible: 'holdfast-arm64' })
  workshop.bundle('foreign', { vendor: 'stranger', version: '0.2.0', files })
})
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'holdfast-update-'))
  machine = new Machine(home, workshop.path('vendor-ca.pem'))
  return async () => await rm(home, { recursive: true, force: true })
})
afterAll(async () => {
  await workshop[Symbol.asyncDispose]()
})

const install = (name: string, version = '0.2.0', again = false, allowPause = false) =>
  machine.updater(version).install(workshop.path(`${name}.raucb`), 'ingrid', { again, allowPause })

test('a healthy new version stays, clients are let in only then, and the old slot is not started any more', async () => {
  expect(await install('newer')).toMatchObject({ phase: 'installed', from: '0.1.0', to: '0.2.0', slot: 'B' })
  expect(machine.serviceRuns).toBe(false)
  await machine.start()
  expect(machine.version).toBe('0.2.0')
  expect(machine.portOpen).toBe(true)
  expect(machine.journal.current()).toMatchObject({ phase: 'confirmed', by: 'ingrid' })
  expect(machine.slots.A.good).toBe(false)
  for (let start = 0; start < 3; start++) {
    await machine.start()
    expect(machine.version).toBe('0.2.0')
  }
  expect(machine.journal.history().map(({ phase }) => phase)).toEqual(['installed', 'trial', 'confirmed'])
})

test('a version that is not healthy is taken back with the databases it changed, and no client reached it', async () => {
  await install('newer')
  machine.healthy = false
  expect(await machine.start()).toEqual({ restarts: true })
  expect(machine.portOpen).toBe(false)
  expect(machine.rows().migrations).toContain('0002_more')
  machine.healthy = true
  await machine.start()
  expect(machine.version).toBe('0.1.0')
  expect(machine.rows()).toEqual({ notes: ['before'], migrations: ['0001_init'] })
  expect(machine.journal.current()).toMatchObject({ phase: 'rolled-back', reason: 'a table is missing' })
  expect(machine.portOpen).toBe(true)
  // A stick that is still in must not start it all again.
  await expect(install('newer')).rejects.toThrow('was taken back before')
  await install('newer', '0.2.0', true)
})

test('one of two nodes is updated only when it is said that nobody can write meanwhile', async () => {
  machine.cluster = { voters: 2, healthy: 2 }
  await expect(install('newer')).rejects.toThrow('nobody can write while one restarts')
  expect(machine.journal.current()).toMatchObject({ phase: 'refused' })
  expect(await install('newer', '0.2.0', false, true)).toMatchObject({ phase: 'installed' })
})

test('a machine that runs the version may hand it on to others that are older, and does not install it again', async () => {
  const check = async (others: string[]) => {
    const { findings } = await machine.updater('0.1.0').check(workshop.path('same.raucb'), others)
    return findings.find((finding) => finding.check === 'version')?.level
  }
  expect(await check([])).toBe('stop')
  expect(await check(['0.1.0', '0.0.9'])).toBe('ok')
  await expect(install('same', '0.1.0')).rejects.toThrow('runs already')
})

test('the age of the newest backup is told', async () => {
  const backup = async () => {
    const { findings } = await machine.updater('0.2.0').check(workshop.path('newer.raucb'))
    return findings.find((finding) => finding.check === 'backup')
  }
  expect(await backup()).toMatchObject({ level: 'warn', found: 'No backup is known.' })
  const database = new Database(join(machine.paths.node, 'cluster.db'))
  const made = (hours: number) =>
    JSON.stringify({ n_a: { at: 1 }, n_b: { at: Date.now() - hours * 3_600_000 } })
  database.prepare("INSERT INTO setting VALUES ('backup-made', ?)").run(made(5))
  expect(await backup()).toMatchObject({ level: 'ok', found: '5 hours old' })
  database.prepare('UPDATE setting SET value = ?').run(made(72))
  expect(await backup()).toMatchObject({ level: 'warn', found: 'The newest backup is 72 hours old.' })
  database.close()
})

test('a version that never comes up is taken back at the next start', async () => {
  await install('newer')
  machine.boot()
  await machine.start()
  expect(machine.version).toBe('0.1.0')
  expect(machine.journal.current()).toMatchObject({ phase: 'rolled-back' })
})

test('regression: a version that was taken back is not started again when the power flickers', async () => {
  await install('newer')
  machine.newIsHealthy = false
  await machine.start()
  machine.boot()
  await machine.prepare()
  for (let flicker = 0; flicker < 3; flicker++) {
    machine.boot()
    expect(machine.version).toBe('0.1.0')
  }
})

test('a version that serves and takes no part in its cluster is taken back', async () => {
  await install('newer')
  machine.joined = false
  machine.cluster = { voters: 3, healthy: 3 }
  expect(await machine.start()).toEqual({ restarts: true })
  await machine.start()
  expect(machine.version).toBe('0.1.0')
  expect(machine.journal.current()).toMatchObject({
    phase: 'rolled-back',
    reason: 'it does not take part in its cluster',
  })
  expect(machine.said).toContain('HEALTH-OK slot A')
})

test('a cluster that cannot spare the node any more when the new version is written keeps it', async () => {
  machine.cluster = { voters: 3, healthy: 3 }
  machine.afterWriting = () => {
    machine.cluster = { voters: 3, healthy: 2 }
  }
  await expect(install('newer')).rejects.toThrow('Without this node 1 of 3 nodes would be left')
  expect(machine.journal.current()).toMatchObject({ phase: 'refused' })
  await machine.start()
  expect(machine.version).toBe('0.1.0')
})

test('regression: others that are not heard while the new version is written are waited for', async () => {
  machine.cluster = { voters: 3, healthy: 3 }
  machine.sparePatienceMs = 60_000
  machine.afterWriting = () => {
    machine.cluster = { voters: 3, healthy: 1 }
    setTimeout(() => {
      machine.cluster = { voters: 3, healthy: 3 }
    }, 50)
  }
  expect(await install('newer')).toMatchObject({ phase: 'installed' })
})

test('an update that changes no database leaves the node running while it is written', async () => {
  expect(await install('same-schema', '0.1.1')).toMatchObject({ snapshot: null })
  expect(machine.serviceRuns).toBe(true)
})

test.each([
  ['older', 'Version 0.0.9 is older than 0.1.0, which runs.', 'refused'],
  ['same', 'Version 0.1.0 runs already.', 'refused'],
  ['far', 'Version 2.0.0 needs 1.0.0 or newer before it; 0.1.0 runs.', 'refused'],
  ['arm', 'The bundle is for holdfast-arm64, this machine is holdfast-x86_64.', 'refused'],
  ['foreign', 'is not signed by the vendor of this installation', 'refused'],
  ['missing', 'cannot be read', 'refused'],
])(
  'a bundle that is %s is refused, the journal has the reason, nothing is written',
  async (name, reason, phase) => {
    await expect(install(name)).rejects.toThrow(reason)
    expect(machine.journal.current()).toMatchObject({ phase, by: 'ingrid' })
    expect(machine.journal.current()?.reason).toContain(reason)
    expect(machine.slots.B.version).toBe('0.0.0')
  },
)

test('a failure while the new slot is chosen leaves the old version running, and says so', async () => {
  machine.failsToActivate = true
  await expect(install('newer')).rejects.toThrow('grubenv')
  expect(machine.journal.current()).toMatchObject({ phase: 'failed', reason: 'grubenv cannot be written' })
  expect(machine.serviceRuns).toBe(true)
  await machine.start()
  expect(machine.version).toBe('0.1.0')
})

test('nothing is installed while the node does not serve, or while another update is not settled', async () => {
  machine.healthy = false
  await expect(install('newer')).rejects.toThrow('The node does not serve: a table is missing.')
  machine.healthy = true
  await install('newer')
  await expect(install('same-schema')).rejects.toThrow('Another update is not finished.')
  expect(machine.journal.current()).toMatchObject({ phase: 'installed', to: '0.2.0' })
})

test('a power cut before any step leaves one whole version with its own databases', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 11 }), fc.boolean(), async (cutAfter, healthy) => {
      rmSync(home, { recursive: true, force: true })
      machine = new Machine(home, workshop.path('vendor-ca.pem'))
      machine.cutAfter = cutAfter
      const cut = await install('newer').then(
        () => false,
        (error) => {
          if (!(error instanceof PowerCut || (error as Error).cause instanceof PowerCut)) throw error
          return true
        },
      )
      machine.cutAfter = Number.POSITIVE_INFINITY
      const chosen = machine.order[0] === 'B' && machine.slots.B.good
      for (let starts = 0; starts < 3; starts++) {
        machine.healthy =
          healthy ||
          machine.slots[machine.order.find((s) => machine.slots[s].good && !machine.slots[s].tried) ?? 'A']
            .version === '0.1.0'
        await machine.start()
      }
      expect(machine.portOpen).toBe(true)
      const { migrations } = machine.rows()
      expect(migrations.includes('0002_more')).toBe(machine.version === '0.2.0')
      if (!cut) expect(machine.version).toBe(healthy ? '0.2.0' : '0.1.0')
      if (!chosen) expect(machine.version).toBe('0.1.0')
      expect(['confirmed', 'rolled-back', 'failed', undefined]).toContain(machine.journal.current()?.phase)
    }),
    { numRuns: 30 },
  )
})

/** How a start is cut off: before root did anything, when the daemon ran, or in front of a step that changes something. */
const interruption = fc.oneof(
  fc.constant({ kind: 'flicker' as const }),
  fc.constant({ kind: 'prepared' as const }),
  fc.nat({ max: 8 }).map((after) => ({ kind: 'cut' as const, after })),
)

test('however starts are cut off, one version stays with its own databases, and none on trial meets a client', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.boolean(),
      fc.array(interruption, { maxLength: 6 }),
      async (newIsHealthy, interruptions) => {
        rmSync(home, { recursive: true, force: true })
        machine = new Machine(home, workshop.path('vendor-ca.pem'))
        machine.newIsHealthy = newIsHealthy
        await install('newer')
        for (const each of interruptions) {
          machine.cutAfter = each.kind === 'cut' ? each.after : Number.POSITIVE_INFINITY
          machine.boot()
          if (each.kind === 'flicker') continue
          try {
            await machine.prepare()
            if (each.kind === 'cut') await machine.judge()
          } catch (error) {
            if (!(error instanceof PowerCut)) throw error
          }
        }
        machine.cutAfter = Number.POSITIVE_INFINITY
        for (let starts = 0; starts < 3; starts++) await machine.start()
        expect(machine.portOpen).toBe(true)
        expect(machine.rows().migrations.includes('0002_more')).toBe(machine.version === '0.2.0')
        if (!newIsHealthy) expect(machine.version).toBe('0.1.0')
        expect(machine.journal.current()?.phase).toBe(
          machine.version === '0.2.0' ? 'confirmed' : 'rolled-back',
        )
        machine.boot()
        machine.boot()
        expect(machine.version).toBe(machine.journal.current()?.phase === 'confirmed' ? '0.2.0' : '0.1.0')
      },
    ),
    { numRuns: 40 },
  )
})

test('a history that a power cut left half is read as far as it is whole', async () => {
  await install('newer')
  const file = join(machine.paths.update, 'history.jsonl')
  writeFileSync(file, `${readFileSync(file, 'utf8')}{"id":"hal`)
  expect(machine.journal.history()).toHaveLength(1)
  expect(existsSync(file)).toBe(true)
})
