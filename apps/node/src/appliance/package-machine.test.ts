/** An update of a Debian machine with real files and bundles; only dpkg and systemd are stood in for. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { BundleWorkshop } from './bundle-fixture.ts'
import { CutJournal, PowerCut } from './cut-fixture.ts'
import { furnishMachine, setInstalled } from './machine-fixture.ts'
import { PackageMachine } from './package-machine.ts'
import { appliancePaths } from './paths.ts'
import { debianArchitecture } from './release.ts'

let workshop: BundleWorkshop
let home: string
let machine: Machine

/** A Debian in a folder. A package is a file with its version in it. */
class Machine {
  readonly root: string
  /** What dpkg has unpacked; not whole in the middle of it. */
  installed = { version: '0.1.0', whole: true }
  serviceRuns = true
  healthy = true
  broken = false
  /** How often dpkg cannot put the old package back either. */
  brokenBack = 0
  said: string[] = []
  cutAfter = Number.POSITIVE_INFINITY
  /** What clients were let in to. */
  servedClients: string[] = []

  constructor(root: string) {
    this.root = root
    furnishMachine(root, { kind: 'package' }, workshop.path('vendor-ca.pem'))
    const database = new Database(join(this.paths.node, 'cluster.db'))
    database.exec(
      'CREATE TABLE _prisma_migrations (migration_name TEXT, finished_at TEXT); CREATE TABLE setting (key TEXT, value TEXT)',
    )
    database.exec("INSERT INTO _prisma_migrations VALUES ('0001_init', 'x')")
    database.close()
  }

  get paths() {
    return appliancePaths(this.root)
  }

  get journal() {
    return new CutJournal(this)
  }

  step(): void {
    if (this.cutAfter-- <= 0) throw new PowerCut()
  }

  get machine(): PackageMachine {
    return new PackageMachine({
      paths: this.paths,
      journal: this.journal,
      say: (line) => this.said.push(line),
      stepMs: 1,
      // Whoever is not healthy says that it is final.
      patienceMs: 60_000,
      node: {
        readiness: async () => {
          this.step()
          this.#run()
          return this.serviceRuns && this.healthy
            ? { ready: true }
            : { ready: false, reason: 'a table is missing', final: true }
        },
      },
      service: {
        start: async () => {
          this.step()
          this.serviceRuns = true
          this.#run()
        },
        stop: async () => {
          this.step()
          this.serviceRuns = false
        },
      },
      deb: {
        installed: async () => (this.installed.whole ? this.installed.version : null),
        install: async (file) => {
          this.step()
          const version = readFileSync(file, 'utf8')
          this.installed = { version, whole: false }
          // The file that says which version runs is unpacked too, before the package is configured.
          setInstalled(this.paths, { kind: 'package' }, version)
          this.step()
          if (this.broken && (version !== '0.1.0' || this.brokenBack-- > 0))
            throw new Error('dpkg failed: no space left')
          this.installed.whole = true
        },
        pack: async (file) => {
          this.step()
          writeFileSync(file, this.installed.version)
        },
        is: async (file, version) => existsSync(file) && readFileSync(file, 'utf8') === version,
      },
    })
  }

  /** What the daemon of the installed version does. */
  #run(): void {
    if (!this.serviceRuns) return
    // A daemon is never started while dpkg is at work.
    expect(this.installed.whole).toBe(true)
    const { version } = this.installed
    if (version === '0.2.0') this.#migrate()
    expect(this.migrations.includes('0002_more')).toBe(version === '0.2.0')
    if (!existsSync(this.paths.trial)) this.servedClients.push(version)
  }

  #migrate(): void {
    const database = new Database(join(this.paths.node, 'cluster.db'))
    database.exec(
      "INSERT INTO _prisma_migrations SELECT '0002_more', 'x' WHERE NOT EXISTS (SELECT 1 FROM _prisma_migrations WHERE migration_name = '0002_more')",
    )
    database.close()
  }

  get migrations(): string[] {
    const database = new Database(join(this.paths.node, 'cluster.db'), { readonly: true })
    const names = database.prepare('SELECT migration_name FROM _prisma_migrations').pluck().all() as string[]
    database.close()
    return names
  }

  /** What the units do at a start of the machine: memory is gone, the rest is there. */
  async boot(): Promise<void> {
    rmSync(join(this.root, 'run'), { recursive: true, force: true })
    this.serviceRuns = false
    if (existsSync(join(this.paths.update, 'state.json'))) await this.machine.settle()
    this.serviceRuns = true
    this.#run()
    await this.machine.resume()
  }
}

beforeAll(async () => {
  workshop = await BundleWorkshop.open()
  workshop.vendor('vendor')
  const migrations = { cluster: ['0001_init', '0002_more'], node: [] }
  const deb = (version: string, text = version) => ({
    [`holdfast_${version}_${debianArchitecture}.deb`]: text,
  })
  const vendor = 'vendor'
  workshop.bundle('newer', { vendor, version: '0.2.0', files: deb('0.2.0'), contents: { migrations } })
  workshop.bundle('mislabelled', { vendor, version: '0.2.0', files: deb('0.2.0', '0.9.0') })
  workshop.bundle('image-only', { vendor, version: '0.2.0', files: { 'rootfs.img': 'image' } })
})
afterAll(async () => await workshop[Symbol.asyncDispose]())
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'holdfast-package-'))
  machine = new Machine(home)
  return async () => await rm(home, { recursive: true, force: true })
})

const install = (name = 'newer') =>
  machine.machine.updater.install(workshop.path(`${name}.raucb`), 'ingrid', {
    again: false,
    allowPause: false,
  })
const phases = () => machine.journal.history().map(({ phase }) => phase)

test('a healthy version stays, clients come in only then, and its package is kept as the next way back', async () => {
  await install()
  expect(phases()).toEqual(['installed', 'trial', 'confirmed'])
  expect(machine.installed).toEqual({ version: '0.2.0', whole: true })
  expect(machine.servedClients).not.toContain('0.2.0')
  expect(existsSync(machine.paths.trial)).toBe(false)
  expect(existsSync(join(machine.paths.update, `holdfast_0.1.0_${debianArchitecture}.deb`))).toBe(false)
  expect(existsSync(join(machine.paths.update, `holdfast_0.2.0_${debianArchitecture}.deb`))).toBe(true)
})

test('a version that is not healthy goes, with the databases it changed, and the old one serves', async () => {
  const isOld = () => machine.installed.version === '0.1.0'
  Object.defineProperty(machine, 'healthy', { get: isOld })
  await install()
  expect(phases()).toEqual(['installed', 'trial', 'trial', 'rolled-back'])
  expect(machine.journal.current()).toMatchObject({ reason: 'a table is missing' })
  expect(machine.installed).toEqual({ version: '0.1.0', whole: true })
  expect(machine.migrations).toEqual(['0001_init'])
  expect(machine.servedClients).not.toContain('0.2.0')
  expect(machine.serviceRuns).toBe(true)
})

test('a package that dpkg cannot install leaves the old one serving, and says why', async () => {
  machine.broken = true
  await expect(install()).rejects.toThrow('no space left')
  expect(machine.journal.current()).toMatchObject({ phase: 'failed', reason: 'dpkg failed: no space left' })
  expect(machine.installed).toEqual({ version: '0.1.0', whole: true })
  expect(machine.serviceRuns).toBe(true)
  expect(existsSync(machine.paths.trial)).toBe(false)
})

test('when the old package cannot be put back either, no daemon runs until it could', async () => {
  machine.broken = true
  machine.brokenBack = 2
  await expect(install()).rejects.toThrow('the old version could not be put back')
  expect([machine.machine.isUnderWay, machine.serviceRuns]).toEqual([true, false])
  await expect(machine.machine.resume()).rejects.toThrow('no space left')
  expect([machine.machine.isUnderWay, machine.serviceRuns]).toEqual([true, false])
  await machine.machine.resume()
  expect(machine.journal.current()).toMatchObject({ phase: 'rolled-back' })
  expect(machine.installed).toEqual({ version: '0.1.0', whole: true })
  expect([machine.machine.isUnderWay, machine.serviceRuns]).toEqual([false, true])
  expect(existsSync(machine.paths.trial)).toBe(false)
})

test.each([
  ['image-only', 'The bundle holds no package for this machine'],
  ['mislabelled', 'is no package of version 0.2.0'],
])('a bundle that is %s is refused, and the node serves on', async (name, reason) => {
  await expect(install(name)).rejects.toThrow(reason)
  expect(machine.journal.current()).toMatchObject({ phase: 'refused' })
  expect(machine.serviceRuns).toBe(true)
})

test('a power cut before any step, and another one while that is settled, leave one whole version with its databases', async () => {
  let confirmed = 0
  await fc.assert(
    fc.asyncProperty(fc.nat(22), fc.nat(8), fc.boolean(), async (cutAfter, cutAgain, healthy) => {
      rmSync(home, { recursive: true, force: true })
      machine = new Machine(home)
      machine.cutAfter = cutAfter
      const unlessCut = (error: unknown) => {
        if (!(error instanceof PowerCut || (error as Error).cause instanceof PowerCut)) throw error
      }
      // The new version is the one that is not healthy.
      Object.defineProperty(machine, 'healthy', {
        get: () => healthy || machine.installed.version === '0.1.0',
      })
      await install().catch(unlessCut)
      machine.cutAfter = cutAgain
      await machine.boot().catch(unlessCut)
      machine.cutAfter = Number.POSITIVE_INFINITY
      await machine.boot()
      const { version, whole } = machine.installed
      expect(whole).toBe(true)
      expect(machine.serviceRuns).toBe(true)
      expect(machine.migrations.includes('0002_more')).toBe(version === '0.2.0')
      expect(existsSync(machine.paths.trial)).toBe(false)
      expect(['confirmed', 'rolled-back', 'failed', 'refused', undefined]).toContain(
        machine.journal.current()?.phase,
      )
      if (!healthy) expect(version).toBe('0.1.0')
      if (version === '0.2.0') confirmed += 1
      // Whoever was served by the new one keeps it.
      if (machine.servedClients.includes('0.2.0')) expect(version).toBe('0.2.0')
    }),
    { numRuns: 30 },
  )
  expect(confirmed).toBeGreaterThan(0)
})
