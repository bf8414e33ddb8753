/**
 * Whether a value from the log is a command this version can apply. Apply must be total: a command that some node got
 * wrong is refused by itself, the same on every node, and never takes the rest of its batch with it.
 */
import type { Actor, Command } from './commands.ts'
import { commandTypes } from './commands.ts'

type Check = (value: unknown) => boolean

const count: Check = (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
/** Beyond 32 bits a sequence would be another channel's key (keys.ts). */
const seq: Check = (value) => count(value) && (value as number) <= 0xffff_ffff
const text: Check = (value) => typeof value === 'string'
/** An empty body is the mark of a deleted message, so no message may begin with one. */
const body: Check = (value) => typeof value === 'string' && value !== ''
const reply: Check = (value) => value === null || seq(value)
const priority: Check = (value) => value === 0 || value === 1 || value === 2
const listOf =
  (...checks: Check[]): Check =>
  (value) =>
    Array.isArray(value) && value.every((row) => Array.isArray(row) && isTuple(row, checks, 0))
const seen = listOf(text, count)
const anything: Check = () => true

const shapes: Record<number, readonly Check[]> = {
  [commandTypes.message]: [count, count, text, body, priority, reply],
  [commandTypes.edit]: [count, count, text, seq, body],
  [commandTypes.delete]: [count, count, text, seq],
  [commandTypes.marks]: [listOf(count, count, seq, seq)],
  [commandTypes.control]: [text, isActor, anything],
  [commandTypes.seen]: [seen, seen],
}

/** The command, or null when this version does not know it or it is not what it should be. */
export function asCommand(value: unknown): Command | null {
  if (!Array.isArray(value)) return null
  const type: unknown = value[0]
  const checks = typeof type === 'number' ? shapes[type] : undefined
  return checks && isTuple(value, checks, 1) ? (value as unknown as Command) : null
}

/** Whether the fields from `start` on pass one check each, with none too many. */
function isTuple(fields: readonly unknown[], checks: readonly Check[], start: number): boolean {
  if (fields.length !== checks.length + start) return false
  for (let i = 0; i < checks.length; i++) if (!checks[i]?.(fields[i + start])) return false
  return true
}

function isActor(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { id, name, remote } = value as Partial<Record<keyof Actor, unknown>>
  return text(id) && text(name) && text(remote)
}
