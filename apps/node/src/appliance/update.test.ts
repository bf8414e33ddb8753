/** The whole update with real files and bundles; only RAUC, systemd and the restart are stood in for. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { BundleWorkshop } from './bundle-fixture.ts'
import { decideHealth, openPort } from './health.ts'
import type { NodeReadiness } from './local-node.ts'
import { furnishMachine, setInstalled } from './machine-fixture.ts'
import { appliancePaths } from './paths.ts'
import type { Slot } from './release.ts'
import { settleUpdate } from './settle-update.ts'
import type { RunTool } from './tools.ts'
import { UpdateJournal } from './update-state.ts'
import { nodeService, Updater } from './updater.ts'

let workshop: BundleWorkshop
let home: string
let machine: Machine

/** An appliance in a folder: two slots that hold a version, a data partition, a boot loader that gives one try. */
class Machine {
  readonly root: string
  readonly slots: Record<Slot, { version: string; good: boolean; tried: boolean }>
  order: Slot[] = ['A', 'B']
  running: Slot = 'A'
  healthy = true
  /** Whether the new version is, beside the machine. */
  newIsHealthy = true
  cluster: NodeReadiness['cluster'] = null
  /** Whether the new version takes part in the cluster. */
  joined = true
  afterWriting = () => {}
  portOpen = false
  serviceRuns = true
  said: string[] = []
  /** Throws in front of the n-th step that changes something, as a power cut would. */
  cutAfter = Number.POSITIVE_INFINITY
  failsToActivate = false

  constructor(root: string) {
    this.root = root
    this.slots = {
      A: { version: '0.1.0', good: true, tried: false },
      B: { version: '0.0.0', good: false, tried: false },
    }
    furnishMachine(root, { kind: 'appliance', slot: this.running }, workshop.path('vendor-ca.pem'))
    const database = new Database(join(this.paths.node, 'cluster.db'))
    database.exec(
      'CREATE TABLE _prisma_migrations (migration_name TEXT, finished_at TEXT); CREATE TABLE notes (text TEXT); CREATE TABLE setting (key TEXT, value TEXT)',
    )
    database.exec(
      "INSERT INTO _prisma_migrations VALUES ('0001_init', 'x'); INSERT INTO notes VALUES ('before')",
    )
    database.close()
    this.boot()
  }

  get paths() {
    return appliancePaths(this.root)
  }

  get journal() {
    return new UpdateJournal(this.paths.update)
  }

  /** grub.cfg: the first of the order that is good and not tried; none: the first that is good, or of all. */
  boot(): void {
    const good = this.order.filter((slot) => this.slots[slot].good)
    const free = good.find((slot) => !this.slots[slot].tried)
    if (!free) for (const slot of this.order) this.slots[slot].tried = false
    this.running = free ?? good[0] ?? this.order[0]!
    this.slots[this.running].tried = true
    this.portOpen = false
    this.serviceRuns = true
    setInstalled(this.paths, { kind: 'appliance', slot: this.running }, this.version)
  }

  step(): void {
    if (this.cutAfter-- <= 0) throw new PowerCut()
  }

  run: RunTool = async (program, args) => {
    this.step()
    if (program === 'systemctl') this.serviceRuns = args[0] !== 'stop'
    if (program === 'nft') {
      this.portOpen = true
      // What clients are told by a version that may be taken back would be lost.
      if (this.version !== '0.1.0') expect(this.journal.current()).toMatchObject({ phase: 'confirmed' })
    }
    return ''
  }

  updater(version: string): Updater {
    return new Updater({
      paths: this.paths,
      node: this.node,
      slots: {
        install: async () => {
          this.step()
          this.slots[this.other] = { version, good: false, tried: false }
          this.afterWriting()
          this.step()
        },
        ...this.marks,
        activateOther: async () => {
          this.step()
          if (this.failsToActivate) throw new Error('grubenv cannot be written')
          this.slots[this.other] = { version, good: true, tried: false }
          this.order = [this.other, this.running]
          this.step()
        },
      },
      journal: new CutJournal(this),
      service: nodeService(this.run),
      reboot: async () => {},
      say: (line) => this.said.push(line),
    })
  }

  /** RAUC's marks: `active` and `bad`. */
  marks = {
    keepRunning: async () => {
      this.step()
      this.slots[this.running] = { ...this.slots[this.running], good: true, tried: false }
      this.order = [this.running, this.other]
    },
    giveUpRunning: async () => {
      this.step()
      this.slots[this.running].good = false
    },
    giveUpOther: async () => {
      this.step()
      this.slots[this.other].good = false
    },
  }

  get isHealthy(): boolean {
    return this.healthy && (this.newIsHealthy || this.version === '0.1.0')
  }

  get other(): Slot {
    return this.running === 'A' ? 'B' : 'A'
  }

  get version(): string {
    return this.slots[this.running].version
  }

  node = {
    readiness: async (): Promise<NodeReadiness> => ({
      ...(this.isHealthy ? { ready: true } : { ready: false, reason: 'a table is missing' }),
      cluster: this.cluster,
      joined: this.joined || this.version === '0.1.0',
    }),
  }

  /** What the units do at a start. */
  async start(): Promise<{ restarts: boolean }> {
    this.boot()
    await this.prepare()
    return await this.judge()
  }

  /** Up to the daemon. */
  async prepare(): Promise<void> {
    const state = await settleUpdate({
      journal: new CutJournal(this),
      slot: this.running,
      nodeFolder: this.paths.node,
      owner: { uid: process.getuid!(), gid: process.getgid!() },
      giveUpNew: async () => {
        await this.marks.keepRunning()
        await this.marks.giveUpOther()
      },
      say: (line) => this.said.push(line),
    })
    if (state?.phase !== 'trial') await openPort(this.run, 443)
    if (this.version !== '0.1.0') this.migrate()
  }

  async judge(): Promise<{ restarts: boolean }> {
    let restarts = false
    await decideHealth({
      node: this.node,
      slots: this.marks,
      journal: new CutJournal(this),
      slot: this.running,
      open: () => openPort(this.run, 443),
      reboot: async () => {
        restarts = true
      },
      say: (line) => this.said.push(line),
      patienceMs: this.isHealthy && (this.joined || this.version === '0.1.0') ? 30_000 : 20,
      stepMs: 1,
    })
    return { restarts }
  }

  /** What a new version's daemon does to the databases. */
  migrate(): void {
    const database = new Database(join(this.paths.node, 'cluster.db'))
    database.exec(
      "INSERT INTO _prisma_migrations SELECT '0002_more', 'x' WHERE NOT EXISTS (SELECT 1 FROM _prisma_migrations WHERE migration_name = '0002_more')",
    )
    database.exec("INSERT INTO notes VALUES ('after')")
    database.close()
  }

  rows(): { notes: string[]; migrations: string[] } {
    const database = new Database(join(this.paths.node, 'cluster.db'), { readonly: true })
    const column = (sql: string) => database.prepare(sql).pluck().all() as string[]
    const rows = {
      notes: column('SELECT text FROM notes'),
      migrations: column('SELECT migration_name FROM _prisma_migrations'),
    }
    database.close()
    return rows
  }
}

class PowerCut extends Error {}

/** A journal whose writes a power cut can keep from happening, too. */
class CutJournal extends UpdateJournal {
  readonly #machine: Machine

  constructor(machine: Machine) {
    super(machine.paths.update)
    this.#machine = machine
  }

  override async enter(...args: Parameters<UpdateJournal['enter']>): ReturnType<UpdateJournal['enter']> {
    this.#machine.step()
    return await super.enter(...args)
  }
}

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
  machine = new Machine(home)
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
    fc.asyncProperty(fc.nat({ max: 9 }), fc.boolean(), async (cutAfter, healthy) => {
      rmSync(home, { recursive: true, force: true })
      machine = new Machine(home)
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
  fc.nat({ max: 6 }).map((after) => ({ kind: 'cut' as const, after })),
)

test('however starts are cut off, one version stays with its own databases, and none on trial meets a client', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.boolean(),
      fc.array(interruption, { maxLength: 6 }),
      async (newIsHealthy, interruptions) => {
        rmSync(home, { recursive: true, force: true })
        machine = new Machine(home)
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
