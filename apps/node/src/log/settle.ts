import { type ErrorCode, HoldfastError } from '@holdfast/api/contract/errors'
import type { Outcome } from '../state/machine.ts'
import type { Settle } from './log.ts'

/** A command that waits for its batch. */
export interface Waiting {
  command: string
  settle: Settle
}

/** Tells a proposer what came of his command. */
export function settleOne(settle: Settle, outcome: number | Outcome | undefined, at: number): void {
  if (typeof outcome === 'number') settle(null, outcome, at)
  else if (outcome === undefined)
    settle(new HoldfastError('internal', 'The writer gave no answer.'), null, at)
  else if ('refused' in outcome)
    settle(new HoldfastError(outcome.refused[0] as ErrorCode, outcome.refused[1]), null, at)
  else settle(null, outcome.value, at)
}

export const shuttingDown = () =>
  new HoldfastError('shutting-down', 'This node is shutting down; connect again in a moment.')
export const busy = () =>
  new HoldfastError('busy', 'The node has more to store than it can; send again in a moment.')
export const lostWriter = () => new HoldfastError('internal', 'The node lost its writer and restarts.')
