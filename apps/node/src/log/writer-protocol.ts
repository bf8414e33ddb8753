/** What passes between a log engine and the writer thread. */

import type { Effect } from '../state/effects.ts'
import type { Outcome } from '../state/machine.ts'
import type { LogEntry, LogPosition } from '../state/sequencer.ts'

export interface WriterData {
  databaseFile: string
  synchronous: 'FULL' | 'NORMAL'
  /** Whose batches' outcomes are told; others' are settled elsewhere. */
  nodeId: string
}

/** An entry as it stands in etcd. */
export interface EncodedEntry extends Omit<LogEntry, 'text'> {
  value: Uint8Array<ArrayBuffer>
}

export type ToWriter =
  /** The encoding of a batch: applied at once, and the transaction is its durable record. */
  | string
  /** Entries of a cluster's log, as one watch brought them. After one that failed, its watch's are passed over. */
  | { t: 'entries'; watch: number; entries: EncodedEntry[] }
  /** Takes up a cluster's log at this place. */
  | { t: 'adopt'; generation: string; revision: number; survivor: boolean }
  /** Asks for everything applied so far to be put on the disk. */
  | { t: 'flush' }
  /** Leaves the write-ahead log alone while somebody copies the database, or tends it as usual again. */
  | { t: 'hold-checkpoints'; held: boolean }
  | { t: 'close' }

export interface AppliedBatch {
  origin: string
  epoch: number
  no: number
  index: number
  chain: string
  at: number
  commands: number
  /** Empty for batches of other nodes. */
  outcomes: (number | Outcome)[]
  effects: Effect[]
}

export type FromWriter =
  | { t: 'ready'; index: number; chain: string; position: LogPosition | null }
  | { t: 'applied'; watch: number; batches: AppliedBatch[]; revision: number }
  | { t: 'adopted'; position: LogPosition }
  /** The log lacks entries that were never applied here. */
  | { t: 'gap'; watch: number; message: string }
  | { t: 'failed'; watch: number; code: 'disk-full' | 'internal'; message: string }
  /** Everything up to here survives a power cut. */
  | { t: 'flushed'; index: number; revision: number }
  | { t: 'closed' }
