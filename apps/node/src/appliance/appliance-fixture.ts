/** Stands for an appliance in tests: real files, journal and decisions; RAUC, GRUB, systemd and the restart are stood in for. */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { CutJournal, PowerCut } from './cut-fixture.ts'
import { decideHealth, openPort } from './health.ts'
import type { NodeReadiness } from './local-node.ts'
import { furnishMachine, setInstalled } from './machine-fixture.ts'
import { appliancePaths } from './paths.ts'
import type { Slot } from './release.ts'
import { settleUpdate } from './settle-update.ts'
import type { RunTool } from './tools.ts'
import { UpdateJournal } from './update-state.ts'
import { nodeService, Updater } from './updater.ts'

/** An appliance in a folder: two slots that hold a version, a data partition, a boot loader that gives one try. */
export class Machine {
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
  sparePatienceMs = 0
  portOpen = false
  serviceRuns = true
  said: string[] = []
  /** Throws in front of the n-th step that changes something, as a power cut would. */
  cutAfter = Number.POSITIVE_INFINITY
  failsToActivate = false

  /** @param trusted certificate of the vendor */
  constructor(root: string, trusted: string) {
    this.root = root
    this.slots = {
      A: { version: '0.1.0', good: true, tried: false },
      B: { version: '0.0.0', good: false, tried: false },
    }
    furnishMachine(root, { kind: 'appliance', slot: this.running }, trusted)
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
      if (this.version !== '0.1.0' && this.journal.current()?.phase !== 'confirmed')
        throw new Error('a version that is not confirmed let clients in')
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
      sparePatienceMs: this.sparePatienceMs,
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
