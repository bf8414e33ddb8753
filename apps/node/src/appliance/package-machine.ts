/**
 * Updates on a Debian machine, whose package dpkg changes in place. What stands for the appliance's slots are two packages:
 *
 *   1 take the new one out of the bundle, keep or make the old one · 2 keep clients out, stop the node, install the new one
 *   3 start it, on trial · 4 healthy: let clients in; else put the old one and its databases back, and start that
 *
 * Everything runs from a copy of the program (program-copy.ts), since dpkg changes the one that is installed. After a power
 * cut a unit settles it before the daemon starts: on trial when the new version is installed whole, else the old one.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { syncFolder } from '../platform/files.ts'
import { type Bundle, extractArtefact } from './bundle.ts'
import { BundleError } from './bundle-errors.ts'
import type { DebianPackage } from './deb.ts'
import { decideHealth } from './health.ts'
import type { LocalNode } from './local-node.ts'
import type { AppliancePaths } from './paths.ts'
import { debOf } from './preflight.ts'
import { removeProgramCopy } from './program-copy.ts'
import { debianArchitecture, readRelease } from './release.ts'
import { settleUpdate } from './settle-update.ts'
import type { UpdateJournal, UpdateState } from './update-state.ts'
import { type NodeService, Updater } from './updater.ts'

export interface PackageMachineOptions {
  paths: AppliancePaths
  node: Pick<LocalNode, 'readiness'>
  service: NodeService
  deb: Pick<DebianPackage, 'installed' | 'install' | 'pack' | 'is'>
  journal: UpdateJournal
  say: (line: string) => void
  /** For tests. */
  patienceMs?: number
  stepMs?: number
}

export class PackageMachine {
  readonly updater: Updater
  readonly #o: PackageMachineOptions

  constructor(options: PackageMachineOptions) {
    this.#o = options
    const { paths, node, journal, service, say } = options
    this.updater = new Updater({
      paths,
      node,
      journal,
      service,
      say,
      slots: {
        install: (bundle) => this.#prepare(bundle),
        keepRunning: async () => {},
        activateOther: () => this.#swap(),
        giveUpOther: () => this.#putBack(this.#old),
      },
      reboot: async () => {
        await this.#settle()
        await this.decide()
      },
    })
  }

  /** Whether an update was begun and is not settled. */
  get isUnderWay(): boolean {
    const phase = this.#o.journal.current()?.phase
    return phase === 'installed' || phase === 'trial'
  }

  /** At a start of the machine, before the daemon. */
  async settle(): Promise<void> {
    const state = await this.#settle()
    if (state?.phase !== 'trial') this.#clean()
  }

  /** Brings an update that was left in the middle to its end; the daemon runs afterwards. @returns whether there was one */
  async resume(): Promise<boolean> {
    const { service } = this.#o
    if (!this.isUnderWay) return false
    await this.settle()
    await service.start()
    await this.decide()
    return true
  }

  /** After the daemon has started: confirms a version that is on trial, or goes back. */
  async decide(): Promise<void> {
    const { node, journal, say, service, patienceMs, stepMs } = this.#o
    if (journal.current()?.phase !== 'trial') return
    await service.start()
    await decideHealth({
      node,
      journal,
      slot: null,
      say,
      slots: {
        keepRunning: async () => {},
        giveUpRunning: async () => {},
        giveUpOther: async () => this.#forgetOld(),
      },
      open: async () => this.#letIn(),
      reboot: async () => {
        await service.stop()
        await this.#settle()
        await service.start()
      },
      ...(patienceMs === undefined ? {} : { patienceMs }),
      ...(stepMs === undefined ? {} : { stepMs }),
    })
    this.#clean()
  }

  #package(version: string): string {
    return join(this.#o.paths.update, `holdfast_${version}_${debianArchitecture}.deb`)
  }

  async #prepare(bundle: Bundle): Promise<void> {
    const { paths, deb } = this.#o
    const artefact = debOf(bundle.contents, debianArchitecture)
    if (artefact === null)
      throw new BundleError('wrong-machine', 'The bundle holds no package for this machine.')
    mkdirSync(paths.update, { recursive: true, mode: 0o755 })
    const to = this.#package(bundle.version)
    await extractArtefact(bundle, artefact, `${to}.half`)
    if (!(await deb.is(`${to}.half`, bundle.version)))
      throw new BundleError(
        'altered',
        `${artefact.name} in the bundle is no package of version ${bundle.version}; take the file from the vendor again.`,
      )
    renameSync(`${to}.half`, to)
    const { version } = readRelease(paths)
    const old = this.#package(version)
    if (!(await deb.is(old, version))) {
      await deb.pack(`${old}.half`, join(paths.update, 'packing'))
      renameSync(`${old}.half`, old)
    }
    await syncFolder(paths.update)
  }

  async #swap(): Promise<void> {
    const { service, deb, journal } = this.#o
    const state = journal.current()
    if (state === null) throw new Error('No update is under way.')
    this.#keepOut()
    await service.stop()
    await deb.install(this.#package(state.to))
  }

  /** The version to go back to. What is half installed may say already that it is the new one. */
  get #old(): string {
    const { journal, paths } = this.#o
    const state = journal.current()
    return state?.phase === 'installed' ? state.from : readRelease(paths).version
  }

  /** The old package again, also over one that is half installed. */
  async #putBack(version: string): Promise<void> {
    const { deb } = this.#o
    if ((await deb.installed()) !== version) await deb.install(this.#package(version))
    this.#letIn()
  }

  async #settle(): Promise<UpdateState | null> {
    const { journal, deb, paths, say } = this.#o
    const pending = journal.current()
    if (pending === null || (pending.phase !== 'installed' && pending.phase !== 'trial')) return pending
    // A trial with a reason has failed, and its end was cut off.
    const failed = pending.phase === 'trial' && pending.reason !== null
    const runsNew = !failed && (await deb.installed()) === pending.to
    if (runsNew) this.#keepOut()
    else await this.#putBack(pending.from)
    return await settleUpdate({
      journal,
      slot: null,
      runsNew: () => runsNew,
      nodeFolder: paths.node,
      owner: ownerOf(paths.node),
      say,
    })
  }

  #keepOut(): void {
    const { trial } = this.#o.paths
    mkdirSync(dirname(trial), { recursive: true, mode: 0o755 })
    writeFileSync(trial, '', { mode: 0o644 })
  }

  #letIn(): void {
    rmSync(this.#o.paths.trial, { force: true })
  }

  /** The way back closes; the package that runs is the next way back. */
  #forgetOld(): void {
    const { paths, journal } = this.#o
    const kept = this.#package(journal.current()?.to ?? '')
    for (const name of readdirSync(paths.update))
      if (name.endsWith('.deb') && join(paths.update, name) !== kept)
        rmSync(join(paths.update, name), { force: true })
    rmSync(join(paths.update, 'databases'), { recursive: true, force: true })
  }

  /** What only an update under way needs. */
  #clean(): void {
    const { paths } = this.#o
    this.#letIn()
    removeProgramCopy(paths)
    if (existsSync(paths.update))
      for (const name of readdirSync(paths.update))
        if (name.endsWith('.half')) rmSync(join(paths.update, name), { recursive: true, force: true })
  }
}

function ownerOf(folder: string): { uid: number; gid: number } {
  const { uid, gid } = statSync(folder)
  return { uid, gid }
}
