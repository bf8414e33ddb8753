import { existsSync, rmSync, statSync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { maxBundleBytes, type UpdateInstall, type UpdateUpload } from '@holdfast/api/contract/update-inputs'
import type { Caller } from '@holdfast/api/services'
import type { UpdateCheckView, UpdateStatusView, UpdatesService } from '@holdfast/api/update-services'
import { releaseNotes } from '../../appliance/bundle.ts'
import { BundleError } from '../../appliance/bundle-errors.ts'
import type { AppliancePaths } from '../../appliance/paths.ts'
import { installs, readRelease, runningSlot } from '../../appliance/release.ts'
import { ToolError } from '../../appliance/tools.ts'
import { requestFile, requestUpdate, uploadedFile } from '../../appliance/update-request.ts'
import { UpdateJournal } from '../../appliance/update-state.ts'
import { Updater } from '../../appliance/updater.ts'
import type { Proposer } from '../../log/proposer.ts'
import { callerActor } from '../auth/auth.ts'

/** Entries of the history that are shown. */
const shownHistory = 50
const maxNotesChars = 64 * 1024
const ownerOnly = 0o600

/** Updates from a browser: the daemon receives and checks the bundle, root's unit installs it. */
export class Updates implements UpdatesService {
  readonly #paths: AppliancePaths
  readonly #proposer: Proposer
  readonly #journal: UpdateJournal
  /** The bundle that passed the check, until another upload begins. */
  #checked: string | null = null
  #writing = false

  constructor(paths: AppliancePaths, proposer: Proposer) {
    this.#paths = paths
    this.#proposer = proposer
    this.#journal = new UpdateJournal(paths.update)
  }

  get #upload(): string {
    return join(this.#paths.uploads, uploadedFile)
  }

  status(): UpdateStatusView {
    const slot = runningSlot(this.#paths)
    const history = this.#journal.history().slice(-shownHistory).reverse()
    return {
      version: readRelease(this.#paths).version,
      canInstall: installs(this.#paths) !== null,
      slot,
      requested: existsSync(join(this.#paths.uploads, requestFile)),
      history: history.map(({ phase, from, to, by, reason, at }) => ({ phase, from, to, by, reason, at })),
    }
  }

  /** @throws HoldfastError `conflict` when this is no appliance, or the bytes do not follow those that are there */
  async upload({ offset, data }: UpdateUpload, _caller: Caller): Promise<{ bytes: number }> {
    this.#mustInstall()
    if (this.#writing)
      throw new HoldfastError('busy', 'Another part of the bundle is being written; send one at a time.')
    this.#writing = true
    try {
      const bytes = Buffer.from(data, 'base64')
      if (offset + bytes.length > maxBundleBytes)
        throw new HoldfastError('too-large', `A bundle has at most ${maxBundleBytes} bytes.`)
      this.#checked = null
      await mkdir(this.#paths.uploads, { recursive: true, mode: 0o700 })
      if (offset === 0) rmSync(this.#upload, { force: true })
      const there = existsSync(this.#upload) ? statSync(this.#upload).size : 0
      if (there !== offset)
        throw new HoldfastError(
          'conflict',
          `${there} bytes of the bundle are here: go on from there, or from 0.`,
        )
      const file = await open(this.#upload, 'a', ownerOnly)
      try {
        await file.write(bytes)
      } finally {
        await file.close()
      }
      return { bytes: offset + bytes.length }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
        throw new HoldfastError(
          'disk-full',
          'The disk has no room for the bundle: free some, or use a stick.',
        )
      throw error
    } finally {
      this.#writing = false
    }
  }

  /** @throws HoldfastError `bad-request` when the bundle is not to be trusted; the audit log has the reason */
  async check(caller: Caller): Promise<UpdateCheckView> {
    this.#mustInstall()
    const updater = new Updater({
      paths: this.#paths,
      // Whoever asks is served.
      node: { readiness: async () => ({ ready: true }) },
      slots: noSlots,
      journal: this.#journal,
      service: { start: async () => {}, stop: async () => {} },
      reboot: async () => {},
      say: () => {},
    })
    try {
      const { bundle, findings } = await updater.check(this.#upload)
      const notes = await releaseNotes(bundle)
      if (findings.every((finding) => finding.level !== 'stop')) this.#checked = bundle.id
      const { date } = bundle.contents
      return { id: bundle.id, version: bundle.version, date, notes: notes.slice(0, maxNotesChars), findings }
    } catch (error) {
      if (!(error instanceof BundleError || error instanceof ToolError)) throw error
      rmSync(this.#upload, { force: true })
      const reason = error.message.replaceAll(this.#upload, 'that was uploaded')
      await this.#proposer.propose('audit.used', callerActor(caller), {
        action: 'update.refused',
        detail: { reason: reason.slice(0, 500) },
      })
      throw new HoldfastError('bad-request', reason, { cause: error })
    }
  }

  async install({ id, again }: UpdateInstall, caller: Caller): Promise<void> {
    this.#mustInstall()
    if (this.#checked !== id)
      throw new HoldfastError(
        'conflict',
        'This bundle is not the one that was checked: upload and check it again.',
      )
    await requestUpdate(this.#paths, { by: caller.name, again })
    this.#checked = null
  }

  #mustInstall(): void {
    if (installs(this.#paths) === null)
      throw new HoldfastError(
        'conflict',
        'Only the appliance and the Debian package install bundles by themselves; update this installation as it was installed.',
      )
  }
}

/** A check writes nothing. */
const noSlots = {
  install: async () => {},
  keepRunning: async () => {},
  activateOther: async () => {},
  giveUpOther: async () => {},
}
