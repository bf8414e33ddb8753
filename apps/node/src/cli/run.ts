import { HoldfastError } from '@holdfast/api/contract/errors'
import { CommanderError } from 'commander'
import { readEnvironment } from '../config/env.ts'
import { ConfigError } from '../config/errors.ts'
import { UsageError } from './errors.ts'
import { buildProgram } from './program.ts'

/** 0: done. 1: refused or failed. 2: the command line was wrong. */
export const exitCodes = { done: 0, refused: 1, usage: 2 } as const

/** Runs one command line and returns the exit code. Every failure is one line on standard error. */
export async function run(args: readonly string[]): Promise<number> {
  // `holdfast tail ops | head` closes the pipe; that is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.done)
    throw error
  })
  try {
    const program = await buildProgram(args)
    await program.parseAsync([...args], { from: 'user' })
    // A command that went through and found something wrong has set the code itself.
    return Number(process.exitCode ?? exitCodes.done)
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has printed help, version or what is wrong with the arguments.
      return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    }
    report(error)
    return isUsage(error) ? exitCodes.usage : exitCodes.refused
  }
}

/** What the node calls a bad request was put together from the command line. */
function isUsage(error: unknown): boolean {
  // A connection that the node ends for such a reason is not of the right kind: the command line is not to blame.
  if (error instanceof HoldfastError)
    return error.code === 'bad-request' && error.name !== 'ConnectionStoppedError'
  return error instanceof UsageError || error instanceof ConfigError
}

function report(error: unknown): void {
  const message = withoutRoom(error) ?? (error instanceof Error ? error.message : String(error))
  process.stderr.write(`holdfast: ${message.replaceAll(/\s*\n\s*/g, ' ')}${hint(error)}\n`)
  if (readEnvironment().debug && error instanceof Error) process.stderr.write(`${error.stack}\n`)
}

/** What to do where the node's own words cannot know that a command line is on the other side. */
function hint(error: unknown): string {
  const ended = error instanceof HoldfastError && ['session-ended', 'unauthenticated'].includes(error.code)
  return ended ? ' Run: holdfast login' : ''
}

/** SQLite and the system name neither the disk nor a way out. */
export function withoutRoom(error: unknown): string | null {
  const { code, path } = (error ?? {}) as { code?: unknown; path?: unknown }
  if (code !== 'SQLITE_FULL' && code !== 'ENOSPC') return null
  const where = typeof path === 'string' ? ` (${path})` : ''
  return `The disk is full${where}: free some of it, and run the command again.`
}
