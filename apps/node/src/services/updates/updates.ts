import { HoldfastError } from '@holdfast/api/contract/errors'
import type { UpdateInstall, UpdateUpload } from '@holdfast/api/contract/update-inputs'
import type { Caller } from '@holdfast/api/services'
import type {
  RolloutView,
  UpdateCheckView,
  UpdateStatusView,
  UpdatesService,
} from '@holdfast/api/update-services'
import { releaseNotes } from '../../appliance/bundle.ts'
import { BundleError } from '../../appliance/bundle-errors.ts'
import type { AppliancePaths } from '../../appliance/paths.ts'
import { quorum, type VoterCount } from '../../appliance/preflight.ts'
import { installs, readRelease, runningSlot } from '../../appliance/release.ts'
import { ToolError } from '../../appliance/tools.ts'
import { hasRequest, isBeingInstalled, requestUpdate } from '../../appliance/update-request.ts'
import { UpdateJournal } from '../../appliance/update-state.ts'
import type { Proposer } from '../../log/proposer.ts'
import { newId } from '../../platform/random.ts'
import type { Directory } from '../../state/directory.ts'
import { callerActor } from '../auth/auth.ts'
import type { BundleStore } from './bundle-store.ts'
import { LongWork } from './long-work.ts'
import { isUnderWay, rolloutOf } from './rollout.ts'
import { type AskedMember, memberFindings } from './rollout-preflight.ts'

/** Entries of the history that are shown. */
const shownHistory = 50
const maxNotesChars = 64 * 1024

export interface UpdatesOptions {
  paths: AppliancePaths
  nodeId: string
  proposer: Proposer
  directory: Directory
  store: BundleStore
  /** The node that leads; null: none is known, or this one is alone. */
  leader: () => string | null
  voterCount: () => VoterCount | null
  /** Asks every other member how it is. */
  others: () => Promise<AskedMember[]>
}

/** Updates from a browser or a command: the daemon receives and checks the bundle, root's units install it. */
export class Updates implements UpdatesService {
  readonly #o: UpdatesOptions
  readonly #journal: UpdateJournal
  readonly #checks = new LongWork<UpdateCheckView>()

  constructor(options: UpdatesOptions) {
    this.#o = options
    this.#journal = new UpdateJournal(options.paths.update)
  }

  status(): UpdateStatusView {
    const { paths, directory } = this.#o
    const history = this.#journal.history().slice(-shownHistory).reverse()
    const { version, kind } = readRelease(paths)
    return {
      ...{ version, kind },
      canInstall: installs(paths) !== null,
      nodes: directory.nodes.size,
      slot: runningSlot(paths),
      requested: hasRequest(paths) || isBeingInstalled(paths),
      rollout: this.#rollout(),
      history: history.map(({ phase, from, to, by, reason, at }) => ({ phase, from, to, by, reason, at })),
    }
  }

  /** @throws HoldfastError `conflict` when this node installs no bundles, or the bytes do not follow those that are there */
  async upload({ offset, data }: UpdateUpload, _caller: Caller): Promise<{ bytes: number }> {
    this.#mustInstall()
    this.#checks.forget()
    return { bytes: await this.#o.store.append(offset, Buffer.from(data, 'base64')) }
  }

  /**
   * @returns null while it is not done
   * @throws HoldfastError `bad-request` when the bundle is not to be trusted; the audit log has the reason
   */
  async check(caller: Caller): Promise<UpdateCheckView | null> {
    this.#mustInstall()
    return await this.#checks.ask(() => this.#check(caller))
  }

  async #check(caller: Caller): Promise<UpdateCheckView> {
    const { store, proposer } = this.#o
    const others = await this.#o.others()
    try {
      const { bundle, findings } = await store.check(others.flatMap(({ machine }) => machine?.version ?? []))
      const { id, version, contents } = bundle
      const notes = await releaseNotes(bundle)
      return {
        ...{ id, version, date: contents.date, notes: notes.slice(0, maxNotesChars) },
        findings: [...findings, ...memberFindings(others, version)],
      }
    } catch (error) {
      if (!(error instanceof BundleError || error instanceof ToolError)) throw error
      const reason = error.message.replaceAll(store.file, 'that was uploaded')
      await proposer.propose('audit.used', callerActor(caller), {
        action: 'update.refused',
        detail: { reason: reason.slice(0, 500) },
      })
      throw new HoldfastError('bad-request', reason, { cause: error })
    }
  }

  /** On this machine, or in a cluster on every one of its machines, one after the other. */
  async install({ id, ...options }: UpdateInstall, caller: Caller): Promise<void> {
    this.#mustInstall()
    const { store, paths, directory, proposer, nodeId } = this.#o
    const { held } = store
    if (held?.id !== id)
      throw new HoldfastError(
        'conflict',
        'This bundle is not the one that was checked: upload and check it again.',
      )
    const by = caller.name
    if (directory.nodes.size < 2) return await requestUpdate(paths, { by, ...options })
    const { bytes, version } = held
    await this.#mustSpareNodes(version, options)
    await proposer.propose('rollout.begin', callerActor(caller), {
      ...{ id: newId('up'), bundle: id, bytes, version, source: nodeId, by, ...options },
      nodes: this.#order(),
    })
  }

  /** The node that is being updated comes to its end. @throws HoldfastError `conflict` when none is under way */
  async stopRollout(caller: Caller): Promise<void> {
    const rollout = rolloutOf(this.#o.directory)
    if (!isUnderWay(rollout)) throw new HoldfastError('conflict', 'No update of the cluster is under way.')
    await this.#o.proposer.propose('rollout.stop', callerActor(caller), {
      id: rollout.id,
      reason: `${caller.name} stopped it`,
    })
  }

  /** Who is asked may have gone since the check, and what nobody confirmed does not begin. */
  async #mustSpareNodes(version: string, { allowPause }: Pick<UpdateInstall, 'allowPause'>): Promise<void> {
    const findings = [...memberFindings(await this.#o.others(), version), quorum(this.#o.voterCount())]
    const stop = findings.find(({ level }) => level === 'stop' || (level === 'confirm' && !allowPause))
    if (stop !== undefined) throw new HoldfastError('conflict', `${stop.found} ${stop.mend ?? ''}`.trim())
  }

  /** The leader comes last: until then it leads on. */
  #order(): string[] {
    const leader = this.#o.leader()
    return [...this.#o.directory.nodes.values()]
      .toSorted((a, b) => Number(a.id === leader) - Number(b.id === leader) || a.name.localeCompare(b.name))
      .map(({ id }) => id)
  }

  #rollout(): RolloutView | null {
    const rollout = rolloutOf(this.#o.directory)
    if (rollout === null) return null
    const { id, version, by, startedAt, state, reason, waits, nodes } = rollout
    return {
      ...{ id, version, by, startedAt, state, reason, waits },
      nodes: nodes.map((node) => ({
        nodeId: node.id,
        name: node.name,
        state: node.state,
        reason: node.reason,
      })),
    }
  }

  #mustInstall(): void {
    const { paths, directory } = this.#o
    if (installs(paths) === null)
      throw new HoldfastError(
        'conflict',
        'Only the appliance and the Debian package install bundles by themselves; update this installation as it was installed.',
      )
    if (isUnderWay(rolloutOf(directory)))
      throw new HoldfastError(
        'conflict',
        'An update of the cluster is under way; wait for its end, or stop it.',
      )
  }
}
