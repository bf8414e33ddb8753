/** What commands print: tables for people, JSON for programs. */
import { readEnvironment } from '../config/env.ts'

/**
 * Text from other people can hold escape sequences that would drive the terminal, and marks that turn the direction of
 * writing so that a line reads as another one; they are shown, not obeyed.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, (c) =>
    c === '\n' || c === '\t' ? c : `\\x${c.codePointAt(0)!.toString(16).padStart(2, '0')}`,
  )
}

/** The same in one line, for a place where another line would read as one of the program's own. */
export function oneLine(text: string): string {
  return printable(text).replaceAll(/[\n\t]/g, ' ')
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** A word of warning that is not part of the result. */
export function note(line: string): void {
  process.stderr.write(`${printable(line)}\n`)
}

/** The same in one line: what stands on a stick or in a set-up gets no more of a machine's screen. */
export function say(line: string): void {
  note(oneLine(line))
}

/** The same with the program's own colours: whatever others wrote in it must be printable already. */
export function notePainted(line: string): void {
  process.stderr.write(`${line}\n`)
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** One JSON value per row, or a table. `empty` is what people read when there is no row. */
export function printRows<Row extends object>(
  rows: readonly Row[],
  options: { json?: boolean | undefined; columns: Column<Row>[]; empty: string },
): void {
  if (options.json) for (const row of rows) printJson(row)
  else if (rows.length === 0) print(options.empty)
  else for (const line of table(rows, options.columns)) print(line)
}

export interface Column<Row> {
  title: string
  value(row: Row): string | number | null
  /** Numbers read better at the right. */
  right?: boolean
}

/** Aligned lines, the first one with the titles. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string[] {
  const cells = rows.map((row) => columns.map((column) => cellText(column.value(row))))
  const widths = columns.map((column, i) =>
    Math.max(width(column.title), ...cells.map((line) => width(line[i]!))),
  )
  const line = (texts: string[]): string =>
    texts
      .map((text, i) => pad(text, widths[i]!, columns[i]!.right === true))
      .join('  ')
      .trimEnd()
  return [bold(line(columns.map((column) => column.title.toUpperCase()))), ...cells.map(line)]
}

/** `name: value` lines with the values aligned. */
export function facts(pairs: readonly (readonly [string, string | number | null])[]): string[] {
  const longest = Math.max(...pairs.map(([name]) => width(name)))
  return pairs.map(([name, value]) => `${pad(`${name}:`, longest + 1, false)}  ${cellText(value)}`)
}

function cellText(value: string | number | null): string {
  return value === null || value === '' ? '-' : oneLine(String(value))
}

function pad(text: string, to: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, to - width(text)))
  return right ? space + text : text + space
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u

/** Columns that a text takes on a terminal. */
export function width(text: string): number {
  let columns = 0
  for (const { segment } of new Intl.Segmenter().segment(text)) columns += wide.test(segment) ? 2 : 1
  return columns
}

/** How long ago, in the largest unit that says something: `12s`, `5m`, `3h`, `8d`. */
export function age(atMs: number | null, nowMs: number = Date.now()): string {
  if (atMs === null) return 'never'
  const seconds = Math.max(0, Math.floor((nowMs - atMs) / 1000))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)}h`
  return `${Math.floor(seconds / 86_400)}d`
}

export function bytes(count: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  const exponent = count < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(count) / 10))
  const value = count / 1024 ** exponent
  return `${exponent === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[exponent]}`
}

/** `1 segment`, `2 segments`; a noun that takes no s brings its plural: `1 person`, `2 people`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`
}

/** Local date and time, to the second. */
export function dateTime(atMs: number): string {
  const at = new Date(atMs)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

function coloured(): boolean {
  return process.stdout.isTTY === true && !readEnvironment().noColor
}

export function bold(text: string): string {
  return coloured() ? `\u001b[1m${text}\u001b[22m` : text
}

export function dim(text: string): string {
  return coloured() ? `\u001b[2m${text}\u001b[22m` : text
}

export function red(text: string): string {
  return coloured() ? `\u001b[31m${text}\u001b[39m` : text
}

export function green(text: string): string {
  return coloured() ? `\u001b[32m${text}\u001b[39m` : text
}
