import { type Actor, type ControlCommand, commandTypes } from '../state/commands.ts'
import type { ControlName, ControlPayload } from '../state/handlers.ts'
import type { Log } from './log.ts'

/** Proposes control commands and waits for their result: the services' way into the log. */
export class Proposer {
  private readonly log: Log

  constructor(log: Log) {
    this.log = log
  }

  /**
   * Resolves with the handler's result once the command is durable and applied, and memory shows it.
   * @throws HoldfastError the refusal of the state machine, `busy`, `disk-full` or `shutting-down`.
   */
  propose<N extends ControlName>(name: N, actor: Actor, payload: ControlPayload<N>): Promise<unknown> {
    const command: ControlCommand = [commandTypes.control, name, actor, payload]
    return this.proposeEncoded(JSON.stringify(command))
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
