import { writeSync } from 'node:fs'
import { type DestinationStream, pino, stdTimeFunctions } from 'pino'

export type Logger = pino.Logger
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** Names of fields whose value never reaches a log, at the top and up to two levels down. */
const secretFields = [
  'token',
  'password',
  'newPassword',
  'proof',
  'secret',
  'privateKey',
  'setupCode',
  'recoveryCodes',
]
const secretHeaders = ['authorization', 'cookie', 'set-cookie', 'dpop']
const redactPaths = [
  ...secretFields.flatMap((f) => [f, `*.${f}`, `*.*.${f}`]),
  ...secretHeaders.flatMap((h) => [`["${h}"]`, `*["${h}"]`, `*.*["${h}"]`]),
]
/** Fields that every line has and that a person at a terminal does not need again. */
const ownFields = new Set(['level', 'time', 'msg', 'name', 'err'])

/**
 * The logger of the node: JSON lines for machines (journald, containers), one readable line each for people.
 *
 * @param options.readable one line for people instead of JSON; by default when the output is a terminal
 * @param options.destination where lines go; by default standard error, written before the call returns so that
 *   the last line before a crash is there
 */
export function createLogger(options: {
  level: LogLevel
  readable?: boolean
  destination?: DestinationStream
}): Logger {
  const readable = options.readable ?? process.stderr.isTTY === true
  const out = options.destination ?? { write: writeToStderr }
  const destination = readable ? { write: (line: string) => out.write(readableLine(line)) } : out
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redactPaths, censor: '[redacted]' },
    },
    destination,
  )
}

/** A full pipe (EAGAIN) drops the line: the node must not stand still because nobody reads its log. */
function writeToStderr(line: string): void {
  try {
    writeSync(2, line)
  } catch {
    // There is no better place to complain about standard error.
  }
}

function readableLine(json: string): string {
  const line: Record<string, unknown> = JSON.parse(json)
  const time = String(line.time).slice(11, 23)
  const level = String(line.level).toUpperCase().padEnd(5)
  const extra = Object.entries(line)
    .filter(([key]) => !ownFields.has(key))
    .map(([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('')
  const error = line.err as { stack?: string; message?: string } | undefined
  const stack = error ? `\n${error.stack ?? error.message}` : ''
  return `${time} ${level} ${String(line.msg ?? '')}${extra}${stack}\n`
}
