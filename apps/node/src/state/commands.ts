/**
 * Commands as they stand in the log. Everything that is not deterministic (ids, times, random, hashes) is chosen
 * before a command is proposed. The frequent ones are arrays, to keep the log small and parsing cheap.
 */
import type { MarkRow } from './effects.ts'

/** Who asks, as the audit log shows it. */
export interface Actor {
  id: string
  name: string
  remote: string
}

/** A node acting on its own (timers, first set-up). */
export const systemActor: Actor = { id: 'system', name: 'system', remote: '' }

export const commandTypes = { message: 0, edit: 1, delete: 2, marks: 3, control: 4, seen: 5 } as const

export type MessageCommand = [
  type: 0,
  channelNo: number,
  personNo: number,
  clientId: string,
  body: string,
  priority: number,
  reply: number | null,
]
export type EditCommand = [
  type: 1,
  channelNo: number,
  personNo: number,
  clientId: string,
  target: number,
  body: string,
]
export type DeleteCommand = [type: 2, channelNo: number, personNo: number, clientId: string, target: number]
export type MarksCommand = [type: 3, marks: MarkRow[]]
/** `name` is the key of a handler in state/handlers.ts. */
export type ControlCommand = [type: 4, name: string, actor: Actor, payload: unknown]
/** Last signs of life: [person id or device id, ms since 1970]. */
export type SeenCommand = [type: 5, people: [string, number][], devices: [string, number][]]
export type Command =
  | MessageCommand
  | EditCommand
  | DeleteCommand
  | MarksCommand
  | ControlCommand
  | SeenCommand

/** One unit of the log; `c` is applied in one transaction. */
export interface Batch {
  /** Node that proposed it. */
  o: string
  /** Number of the batch at its origin, from 1 up in each epoch. */
  n: number
  /** In a cluster: which start of the origin numbered it; grows. */
  e?: number
  /** Milliseconds since 1970 at the origin. */
  at: number
  c: Command[]
}

export function encodeBatch(
  origin: string,
  number: number,
  at: number,
  commands: readonly string[],
  epoch?: number,
): string {
  const e = epoch === undefined ? '' : `"e":${epoch},`
  return `{"o":${JSON.stringify(origin)},"n":${number},${e}"at":${at},"c":[${commands.join(',')}]}`
}
