/**
 * Installs an update on this machine:
 *
 *   1 read and check the bundle whole · 2 preflight · 3 write the other slot · 4 stop the node, copy its databases when
 *   the new version changes them · 5 note what is done · 6 choose the new slot for the next start · 7 restart
 *
 * A power cut up to 6 leaves the old version, after it the new one on trial: settle-update.ts, health.ts.
 */
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { appliedMigrations, newestBackupAt } from './applied-migrations.ts'
import { type Bundle, readBundle } from './bundle.ts'
import { BundleError } from './bundle-errors.ts'
import type { LocalNode } from './local-node.ts'
import type { AppliancePaths } from './paths.ts'
import {
  changesDatabases,
  compatibleAppliance,
  databaseBytesIn,
  debOf,
  freeBytesAt,
  health,
  type PreflightFacts,
  type PreflightFinding,
  preflight,
  quorum,
} from './preflight.ts'
import type { Slots } from './rauc.ts'
import { debianArchitecture, installs, readRelease, runningSlot } from './release.ts'
import { copyDatabases } from './settle-update.ts'
import type { RunTool } from './tools.ts'
import type { UpdateJournal, UpdateState } from './update-state.ts'

export interface UpdaterOptions {
  paths: AppliancePaths
  node: Pick<LocalNode, 'readiness'>
  /** On a machine with a package: the old one and the new one. */
  slots: Pick<Slots, 'install' | 'keepRunning' | 'activateOther' | 'giveUpOther'>
  journal: UpdateJournal
  service: NodeService
  /** From here on the new version runs, on trial. */
  reboot: () => Promise<void>
  say: (line: string) => void
  /** For tests. */
  sparePatienceMs?: number
}

/** How long a node that the cluster cannot spare at once waits before its update is refused. */
const sparePatienceMs = 2 * 60_000
const spareStepMs = 1_000

/** What whoever asks for an update may say with it. */
export interface InstallOptions {
  /** Also when the bundle was taken back before. */
  again: boolean
  /** Also when nobody can write meanwhile. */
  allowPause: boolean
  /** How messages call the file, when it is a copy. */
  shownAs?: string
}

/** The daemon's unit. */
export interface NodeService {
  start(): Promise<void>
  stop(): Promise<void>
}

/** The unit of the appliance. */
export function nodeService(run: RunTool): NodeService {
  const systemctl = async (verb: string) => void (await run('systemctl', [verb, 'holdfast.service']))
  return { start: () => systemctl('start'), stop: () => systemctl('stop') }
}

/** Neither version is whole: the update is left to be settled, and the node is not started before. */
export class UnsettledError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'UnsettledError'
  }
}

export class Updater {
  readonly #o: UpdaterOptions

  constructor(options: UpdaterOptions) {
    this.#o = options
  }

  /**
   * Reads the bundle and looks at the machine; changes nothing.
   * @param others versions of the other nodes that get the bundle too
   * @param shownAs how messages call the file
   * @throws BundleError when the bundle is not to be trusted
   */
  async check(
    file: string,
    others: readonly string[] = [],
    shownAs: string = file,
  ): Promise<{ bundle: Bundle; findings: PreflightFinding[] }> {
    const { paths, node, journal } = this.#o
    const bundle = await readBundle(file, paths.releaseRoot, shownAs)
    const phase = journal.current()?.phase
    const readiness = await node.readiness()
    const findings = preflight(bundle, {
      release: readRelease(paths),
      wanted: wantedBy(paths),
      readiness,
      pending: phase === 'installed' || phase === 'trial',
      databaseBytes: databaseBytesIn(paths.node),
      workBytes: workBytes(bundle, paths),
      freeBytes: freeBytesAt(existsSync(paths.update) ? paths.update : paths.node),
      applied: appliedMigrations(paths.node),
      backupAgeHours: hoursSince(newestBackupAt(paths.node)),
      cluster: readiness.cluster ?? null,
      others,
    })
    return { bundle, findings }
  }

  /**
   * Installs a bundle and restarts the machine. Whatever keeps it from that is in the journal, and thrown.
   * @param by who asked, for the audit log
   * @throws BundleError, ToolError
   */
  async install(file: string, by: string, options: InstallOptions): Promise<UpdateState> {
    const { paths, journal, say } = this.#o
    const slot = runningSlot(paths)
    const from = readRelease(paths).version
    const before = journal.current()
    if (installs(paths) === null)
      throw new BundleError(
        'wrong-machine',
        'This installation installs no bundles by itself; take out of it what you need with holdfast update unpack.',
      )
    let bundle: Bundle | null = null
    let state: UpdateState
    try {
      const checked = await this.check(file, [], options.shownAs)
      bundle = checked.bundle
      this.#judge(checked, options)
      say(`UPDATE-INSTALL ${from} to ${bundle.version}`)
      await this.#o.slots.install(bundle)
      await this.#untilSpared(options)
      state = await this.#choose({
        id: bundle.id,
        phase: 'installed',
        from,
        to: bundle.version,
        slot: slot === null ? null : slot === 'A' ? 'B' : 'A',
        snapshot: await this.#stopAndCopy(bundle),
        reason: null,
        by,
      })
      say(`UPDATE-INSTALLED ${bundle.version}${slot === null ? '' : ` in slot ${state.slot}`}; restarting`)
    } catch (error) {
      return await this.#refuse(error as Error, { by, bundle, before })
    }
    // From here on a start of the machine settles it, whatever happens.
    await this.#o.reboot()
    return state
  }

  /** For what failed before there was anything to install: it is told, stands in the journal, and is thrown. */
  async refuse(error: Error, by: string): Promise<never> {
    return await this.#refuse(error, { by, bundle: null, before: this.#o.journal.current() })
  }

  async #refuse(
    error: Error,
    { by, bundle, before }: { by: string; bundle: Bundle | null; before: UpdateState | null },
  ): Promise<never> {
    this.#o.say(`UPDATE-REFUSED ${error.message}`)
    // An update that is under way keeps its state, by which it is settled.
    const isUnderWay = before?.phase === 'installed' || before?.phase === 'trial'
    if (!isUnderWay && !(error instanceof UnsettledError))
      await this.#o.journal.enter({
        id: bundle?.id.slice(0, 64) ?? '',
        phase: error instanceof BundleError ? 'refused' : 'failed',
        from: readRelease(this.#o.paths).version,
        to: bundle?.version ?? 'unknown',
        slot: null,
        snapshot: null,
        reason: error.message.slice(0, 2000),
        by,
      })
    throw error
  }

  /** Makes the other slot the next one. When that fails it is given up before the failure is noted: no start is untold. */
  async #choose(installed: Omit<UpdateState, 'at'>): Promise<UpdateState> {
    const { journal, slots, service } = this.#o
    try {
      const state = await journal.enter(installed)
      // The way back must be open: the running slot may have spent its one try.
      await slots.keepRunning()
      await slots.activateOther()
      return state
    } catch (error) {
      await slots.giveUpOther().catch((cause: Error) => {
        throw new UnsettledError(
          `${(error as Error).message}; and the old version could not be put back, which is tried again: ${cause.message}`,
          { cause },
        )
      })
      await service.start()
      throw error
    }
  }

  #judge(
    { bundle, findings }: { bundle: Bundle; findings: PreflightFinding[] },
    { again, allowPause }: InstallOptions,
  ): void {
    const stop = findings.find(({ level }) => level === 'stop' || (level === 'confirm' && !allowPause))
    if (stop) {
      const fault =
        stop.check === 'machine' ? 'wrong-machine' : stop.check === 'version' ? 'version-path' : 'preflight'
      throw new BundleError(fault, `${stop.found} ${stop.mend ?? ''}`.trim())
    }
    const takenBack = this.#o.journal
      .history()
      .some((state) => state.id === bundle.id && state.phase === 'rolled-back')
    if (takenBack && !again)
      throw new BundleError(
        'taken-back-before',
        `Version ${bundle.version} from this bundle was taken back before; try it once more with holdfast update install --again.`,
      )
  }

  /**
   * Another node may have gone while the new version was written, or be at the same. Writing keeps a slow machine so busy
   * that the others are not heard for a while: they get the time to be heard again.
   * @throws BundleError `preflight` when the cluster cannot spare this node
   */
  async #untilSpared({ allowPause }: InstallOptions): Promise<void> {
    const deadline = performance.now() + (this.#o.sparePatienceMs ?? sparePatienceMs)
    for (;;) {
      const readiness = await this.#o.node.readiness()
      const stop = [health({ readiness }), quorum(readiness.cluster ?? null)].find(
        ({ level }) => level === 'stop' || (level === 'confirm' && !allowPause),
      )
      if (stop === undefined) return
      if (performance.now() > deadline)
        throw new BundleError('preflight', `${stop.found} ${stop.mend ?? ''}`.trim())
      await sleep(spareStepMs)
    }
  }

  async #stopAndCopy(bundle: Bundle): Promise<string | null> {
    const { paths, service } = this.#o
    const folder = join(paths.update, 'databases')
    rmSync(folder, { recursive: true, force: true })
    if (!changesDatabases(bundle, appliedMigrations(paths.node))) return null
    mkdirSync(paths.update, { recursive: true })
    await service.stop()
    try {
      await copyDatabases(paths.node, folder)
    } catch (error) {
      await service.start()
      throw error
    }
    return folder
  }
}

function wantedBy(paths: AppliancePaths): PreflightFacts['wanted'] {
  const kind = installs(paths)
  if (kind === 'image') return { kind, compatible: compatibleAppliance }
  return kind === 'deb' ? { kind, arch: debianArchitecture } : null
}

/** Beside it a machine with a package keeps the old and the new one, unpacks the new one, and works from a copy of the program. */
function workBytes(bundle: Bundle, paths: AppliancePaths): number {
  // Root copies what was uploaded, to have it for itself.
  const copy = dirname(bundle.file) === paths.uploads ? statSync(bundle.file).size : 0
  if (installs(paths) !== 'deb') return copy
  return copy + (debOf(bundle.contents, debianArchitecture)?.bytes ?? 0) * packageFactor
}

const packageFactor = 8
const hourMs = 3_600_000

function hoursSince(at: number | null): number | null {
  return at === null ? null : Math.max(0, (Date.now() - at) / hourMs)
}
