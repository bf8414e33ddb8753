/** What a load did and saw: for `verify`, and between the load's process and who started it. */
import { readFileSync } from 'node:fs'

export interface LoadPlan {
  /** PEM of the facility's CA. */
  ca: string
  /** Address of each node; writers begin at one each by turns and know all, every reader knows one. */
  urls: string[]
  admin: { name: string; password: string }
  /** Begins every name and every message id, so that several loads fit into one facility. Letters and digits. */
  tag: string
  writers: number
  channels: number
}

export interface Pace {
  /** Messages of one writer that wait for their acknowledgement. */
  window: number
  /** Of all writers together; without end when absent. */
  messagesPerSecond?: number
  bodyBytes: number
}

/** From one `phase` to the next. */
export interface PhaseReport {
  acknowledged: number
  /** Longest time without any acknowledgement, and the longest that one writer was without one, while they send. */
  longestGapMs: number
  longestWriterGapMs: number
  /** Refusals after which the message was sent again. */
  refusals: number
  p50Ms: number
  p99Ms: number
  tookMs: number
}

/** Writer, number of the message among the writer's, channel, sequence, phase; and ms since 1970. */
export type AcknowledgedMessage = [
  writer: number,
  no: number,
  channel: number,
  seq: number,
  phase: number,
  atMs: number,
]

/** What a reader of one node was given in one channel, in the order in which it came. */
export interface Heard {
  /** Number of the node in the plan, from 0. */
  node: number
  channel: number
  first: number
  last: number
  /** SHA-256, hex, over `heardLine` of each entry. */
  digest: string
}

export interface LoadRecord {
  tag: string
  /** Person ids of the writers. */
  writers: string[]
  /** Ids of the channels. */
  channels: string[]
  acknowledged: AcknowledgedMessage[]
  heard: Heard[]
  /** What should not have happened: messages refused for good, connections ended, entries out of order. */
  troubles: string[]
  /** How the writers' connections went, one line for each change, the first of them when there are too many. */
  states: string[]
}

export type LoadCommand =
  | { do: 'prepare'; plan: LoadPlan }
  | { do: 'start'; pace: Pace }
  | { do: 'phase' }
  | { do: 'progress' }
  /** Sends nothing new, and answers when everything is acknowledged. */
  | { do: 'pause' }
  /** Pauses, waits for the readers, writes the record to the file. */
  | { do: 'stop'; file: string }

export interface Progress {
  /** Acknowledged messages by writer. */
  acknowledged: number[]
  /** Entries that were read, by node. */
  heard: number[]
  /** How each writer is connected, and what was found wrong, for a message. */
  writers: string[]
  troubles: string[]
}

export const messageIdOf = (tag: string, writer: number, no: number): string =>
  `${tag}-${String(writer).padStart(3, '0')}-${String(no).padStart(9, '0')}`

/** A text that says whose it is, so that a stored one can be checked. */
export function bodyOf(id: string, bytes: number): string {
  return `${id} `.repeat(Math.ceil(bytes / (id.length + 1))).slice(0, Math.max(bytes, id.length))
}

export const heardLine = (entry: { seq: number; from: string; id: string }): string =>
  `${entry.seq} ${entry.from} ${entry.id}\n`

export function readRecord(file: string): LoadRecord {
  return JSON.parse(readFileSync(file, 'utf8')) as LoadRecord
}
