import type { HoldfastError } from '@holdfast/api/contract/errors'
import type { Effect } from '../state/effects.ts'

/**
 * The replicated log: takes encoded commands, puts them in one order, makes them durable, and has the state machine
 * apply them. Engines: `local` (single node). Every engine keeps these promises:
 * - `settle` is called exactly once for each accepted command, after its batch is durable and applied;
 * - commits are told in log order, after the settles of their own commands;
 * - a command whose settle reported success is never lost.
 */
export interface Log {
  /**
   * Offers one encoded command (state/commands.ts).
   * @throws HoldfastError `busy` when limits.logQueue commands wait already, `shutting-down` after stop.
   */
  propose(command: string, settle: Settle): void
  /** Throws what `propose` would refuse any command with now, for whoever has something costly to do first. */
  admit(): void
  /** Index of the newest applied batch. */
  readonly index: number
  /** State chain after that batch, hex. */
  readonly chain: string
  /**
   * Resolves when everything that any node acknowledged before the call is applied here (a linearizable read).
   * @throws Error when the other nodes do not answer
   */
  readIndex(): Promise<void>
  /** Has the state machine leave the write-ahead log alone while the database is copied, or tend it again. */
  holdCheckpoints(held: boolean): void
  /** Registers the one listener for commits; called before start. */
  onCommit(listener: (commit: Commit) => void): void
  start(): Promise<void>
  /** Refuses new commands, waits for those accepted, and closes the state machine. */
  stop(): Promise<void>
}

/** Time of the entry in ms since 1970, and the command's result; or the refusal. */
export type Settle = (error: HoldfastError | null, value: unknown, at: number) => void

export interface Commit {
  index: number
  /** Milliseconds since 1970; never goes back. */
  at: number
  commands: number
  effects: Effect[]
}
