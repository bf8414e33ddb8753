// Child processes and progress lines of the scripts in this folder. Runs on any Node from 20 on, without packages.
import { spawn } from 'node:child_process'

/** Characters of a failed command's output that are shown; the cause stands at its end. */
const shownOutputChars = 6000

/** A failure that explains itself: its message is all that a person needs to see. */
export class StepError extends Error {}

/** Does a piece of work and says in one line what it was and how long it took. */
export async function step(title, work) {
  const startedAt = performance.now()
  process.stdout.write(`${title} … `)
  try {
    const result = await work()
    process.stdout.write(`${seconds(performance.now() - startedAt)}\n`)
    return result
  } catch (error) {
    process.stdout.write('failed\n')
    throw error
  }
}

/** A duration in milliseconds as text, for people. */
export function seconds(ms) {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

/**
 * Runs a command to its end.
 * @param options.show print its output as it comes; otherwise it is kept and shown only when the command fails
 * @returns its exit status, and its output when it was kept
 */
export function run(command, args, { cwd, env = process.env, show = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: show ? 'inherit' : ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const keep = (chunk) => {
      output = (output + chunk).slice(-shownOutputChars)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    // A signal to this script alone must not leave the command running behind it.
    const stop = (signal) => {
      child.kill(signal)
      process.exitCode = 1
    }
    process.once('SIGTERM', stop)
    child.on('error', (error) => reject(new StepError(`cannot run ${command}: ${error.message}`)))
    child.on('close', (status, signal) => {
      process.removeListener('SIGTERM', stop)
      resolve({ status: signal ? 1 : (status ?? 1), output })
    })
  })
}

/** Runs a command whose failure ends the work; its output and the advice become the error. */
export async function must(command, args, { advice, ...options }) {
  const { status, output } = await run(command, args, options)
  if (status === 0) return
  throw new StepError(`${output}\n${[command, ...args].join(' ')} ended with status ${status}: ${advice}`)
}
