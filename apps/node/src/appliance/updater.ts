/**
 * Installs an update on this machine:
 *
 *   1 read and check the bundle whole · 2 preflight · 3 write the other slot · 4 stop the node, copy its databases when
 *   the new version changes them · 5 note what is done · 6 choose the new slot for the next start · 7 restart
 *
 * A power cut up to 6 leaves the old version, after it the new one on trial: settle-update.ts, health.ts.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { appliedMigrations, newestBackupAt } from './applied-migrations.ts'
import { type Bundle, readBundle } from './bundle.ts'
import { BundleError } from './bundle-errors.ts'
import type { LocalNode } from './local-node.ts'
import type { AppliancePaths } from './paths.ts'
import {
  changesDatabases,
  compatibleAppliance,
  databaseBytesIn,
  freeBytesAt,
  type PreflightFinding,
  preflight,
} from './preflight.ts'
import type { Slots } from './rauc.ts'
import { readRelease, runningSlot } from './release.ts'
import { copyDatabases } from './settle-update.ts'
import type { RunTool } from './tools.ts'
import type { UpdateJournal, UpdateState } from './update-state.ts'

export interface UpdaterOptions {
  paths: AppliancePaths
  node: Pick<LocalNode, 'readiness'>
  slots: Pick<Slots, 'install' | 'keepRunning' | 'activateOther' | 'giveUpOther'>
  journal: UpdateJournal
  run: RunTool
  reboot: () => Promise<void>
  say: (line: string) => void
}

export class Updater {
  readonly #o: UpdaterOptions

  constructor(options: UpdaterOptions) {
    this.#o = options
  }

  /** Reads the bundle and looks at the machine; changes nothing. @throws BundleError when the bundle is not to be trusted */
  async check(file: string): Promise<{ bundle: Bundle; findings: PreflightFinding[] }> {
    const { paths, node, journal } = this.#o
    const bundle = await readBundle(file, paths.releaseRoot)
    const phase = journal.current()?.phase
    const findings = preflight(bundle, {
      release: readRelease(paths),
      compatible: compatibleAppliance,
      readiness: await node.readiness(),
      pending: phase === 'installed' || phase === 'trial',
      databaseBytes: databaseBytesIn(paths.node),
      freeBytes: freeBytesAt(existsSync(paths.data) ? paths.data : paths.node),
      applied: appliedMigrations(paths.node),
      backupAgeHours: hoursSince(newestBackupAt(paths.node)),
      cluster: null,
    })
    return { bundle, findings }
  }

  /**
   * Installs a bundle and restarts the machine. Whatever keeps it from that is in the journal, and thrown.
   * @param by who asked, for the audit log
   * @param options.again whether a bundle that was taken back before is tried once more
   * @throws BundleError, ToolError
   */
  async install(file: string, by: string, options: { again: boolean }): Promise<UpdateState> {
    const { paths, journal, say } = this.#o
    const slot = runningSlot(paths)
    const from = readRelease(paths).version
    const before = journal.current()
    if (slot === null)
      throw new BundleError('wrong-machine', 'This machine has no two slots: it is not the appliance.')
    const refused = async (error: unknown, bundle: Bundle | null): Promise<never> => {
      // An update that is under way keeps its state.
      if (before?.phase !== 'installed' && before?.phase !== 'trial')
        await journal.enter({
          id: bundle?.id.slice(0, 64) ?? '',
          phase: error instanceof BundleError ? 'refused' : 'failed',
          from,
          to: bundle?.version ?? 'unknown',
          slot: null,
          snapshot: null,
          reason: (error as Error).message.slice(0, 2000),
          by,
        })
      throw error
    }
    let bundle: Bundle | null = null
    try {
      const checked = await this.check(file)
      bundle = checked.bundle
      this.#judge(checked, options.again)
      say(`UPDATE-INSTALL ${from} to ${bundle.version}`)
      await this.#o.slots.install(file)
      const state = await this.#choose({
        id: bundle.id,
        phase: 'installed',
        from,
        to: bundle.version,
        slot: slot === 'A' ? 'B' : 'A',
        snapshot: await this.#stopAndCopy(bundle),
        reason: null,
        by,
      })
      say(`UPDATE-INSTALLED ${bundle.version} in slot ${state.slot}; restarting`)
      await this.#o.reboot()
      return state
    } catch (error) {
      say(`UPDATE-REFUSED ${(error as Error).message}`)
      return await refused(error, bundle)
    }
  }

  /** Makes the other slot the next one. When that fails it is given up before the failure is noted: no start is untold. */
  async #choose(installed: Omit<UpdateState, 'at'>): Promise<UpdateState> {
    const { journal, slots, run } = this.#o
    try {
      const state = await journal.enter(installed)
      // The way back must be open: the running slot may have spent its one try.
      await slots.keepRunning()
      await slots.activateOther()
      return state
    } catch (error) {
      await slots.giveUpOther()
      await run('systemctl', ['start', 'holdfast.service'])
      throw error
    }
  }

  #judge({ bundle, findings }: { bundle: Bundle; findings: PreflightFinding[] }, again: boolean): void {
    const stop = findings.find((finding) => finding.level === 'stop')
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

  async #stopAndCopy(bundle: Bundle): Promise<string | null> {
    const { paths, run } = this.#o
    const folder = join(paths.update, 'databases')
    rmSync(folder, { recursive: true, force: true })
    if (!changesDatabases(bundle, appliedMigrations(paths.node))) return null
    mkdirSync(paths.update, { recursive: true })
    await run('systemctl', ['stop', 'holdfast.service'])
    try {
      await copyDatabases(paths.node, folder)
    } catch (error) {
      await run('systemctl', ['start', 'holdfast.service'])
      throw error
    }
    return folder
  }
}

const hourMs = 3_600_000

function hoursSince(at: number | null): number | null {
  return at === null ? null : Math.max(0, (Date.now() - at) / hourMs)
}
