/** What passes between a log engine and the writer thread. */

import type { Effect } from '../state/effects.ts'
import type { Outcome } from '../state/machine.ts'

export interface WriterData {
  databaseFile: string
  synchronous: 'FULL' | 'NORMAL'
}
/** The encoding of a batch, or null to close the database. */
export type ToWriter = string | null

export type FromWriter =
  | { t: 'ready'; index: number; chain: string }
  | {
      t: 'applied'
      index: number
      chain: string
      at: number
      outcomes: (number | Outcome)[]
      effects: Effect[]
    }
  | { t: 'failed'; code: 'disk-full' | 'internal'; message: string }
  | { t: 'closed' }
