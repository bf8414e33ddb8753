import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UpdateJournal, type UpdateState } from '../../appliance/update-state.ts'
import type { Proposer } from '../../log/proposer.ts'
import { atomicWriteFile } from '../../platform/files.ts'
import type { Logger } from '../../platform/logger.ts'
import { systemActor } from '../../state/commands.ts'

/** Updates are made while the node is away, or by root beside it; it looks for them at this interval. */
const lookEveryMs = 10_000
const markFile = 'updates-audited'

/**
 * Brings what happened to updates into the audit log. The units of the appliance write a history; each of its entries
 * becomes one event. A crash between the event and the note of it repeats an event, and loses none.
 */
export class UpdateAudit {
  readonly #journal: UpdateJournal
  readonly #mark: string
  readonly #options: { proposer: Proposer; logger: Logger; isSetUp: () => boolean }
  #timer: NodeJS.Timeout | null = null
  #looking = false

  /** @param folders.update folder of the history; @param folders.node the node's data folder */
  constructor(
    folders: { update: string; node: string },
    options: { proposer: Proposer; logger: Logger; isSetUp: () => boolean },
  ) {
    this.#journal = new UpdateJournal(folders.update)
    this.#mark = join(folders.node, markFile)
    this.#options = options
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), lookEveryMs)
    this.#timer.unref()
    void this.look()
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
  }

  /** Audits what is new. Never rejects: an update that cannot be audited now is audited later. */
  async look(): Promise<void> {
    if (this.#looking || !this.#options.isSetUp()) return
    this.#looking = true
    try {
      // What a version on trial writes is lost when it is taken back; the history keeps it until that is known.
      if (this.#journal.current()?.phase === 'trial') return
      const after = existsSync(this.#mark) ? Number(readFileSync(this.#mark, 'utf8')) : 0
      for (const state of this.#journal.history().filter((each) => each.at > after)) {
        await this.#audit(state)
        await atomicWriteFile(this.#mark, `${state.at}\n`)
      }
    } catch (error) {
      this.#options.logger.warn(
        { err: error },
        'an update could not be recorded in the audit log; it is tried again',
      )
    } finally {
      this.#looking = false
    }
  }

  async #audit({ phase, from, to, by, reason, at, id }: UpdateState): Promise<void> {
    const detail = { from, to, by, at, bundle: id.slice(0, 16), ...(reason === null ? {} : { reason }) }
    await this.#options.proposer.propose('audit.used', systemActor, { action: `update.${phase}`, detail })
  }
}
