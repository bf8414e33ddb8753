import { HoldfastError } from '@holdfast/api/contract/errors'
import { compareVersions } from '../platform/versions.ts'
import { type Actor, type ControlCommand, commandTypes } from '../state/commands.ts'
import type { ControlName, ControlPayload } from '../state/handlers.ts'
import type { Log } from './log.ts'

/** What is known about the members' versions. */
export interface VersionGate {
  /** Oldest version that a member runs. */
  common: () => string
  /** Version from which on a command is understood. */
  since: (command: string) => string
}

/** Proposes control commands and waits for their result: the services' way into the log. */
export class Proposer {
  private readonly log: Log

  /** A command that an older member would not understand is not proposed: it would apply something else. */
  private readonly gate: VersionGate | null

  constructor(log: Log, gate: VersionGate | null = null) {
    this.log = log
    this.gate = gate
  }

  /**
   * Resolves with the handler's result once the command is durable and applied, and memory shows it.
   * @throws HoldfastError the refusal of the state machine, `busy`, `disk-full`, `no-quorum` or `shutting-down`;
   *   `conflict` while a member is too old for it.
   */
  propose<N extends ControlName>(name: N, actor: Actor, payload: ControlPayload<N>): Promise<unknown> {
    const refusal = this.tooEarly(name)
    if (refusal !== null) return Promise.reject(refusal)
    const command: ControlCommand = [commandTypes.control, name, actor, payload]
    return this.proposeEncoded(JSON.stringify(command))
  }

  /** @throws HoldfastError `busy`, `no-quorum` or `shutting-down` when nothing can be proposed now */
  admit(): void {
    this.log.admit()
  }

  private tooEarly(name: string): HoldfastError | null {
    if (this.gate === null) return null
    const [since, common] = [this.gate.since(name), this.gate.common()]
    if (compareVersions(common, since) >= 0) return null
    return new HoldfastError(
      'conflict',
      `This needs version ${since} on every node of the cluster, and one runs ${common}; update that node first.`,
    )
  }

  proposeEncoded(command: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.log.propose(command, (error, value) => {
        if (error) reject(error)
        else resolve(value)
      })
    })
  }
}
