/** Programs of the system that the appliance's own call, each with a bound on time and output. */
import { execFile } from 'node:child_process'

/** Output that a caller reads. */
const maxOutputBytes = 4 * 1024 * 1024
const defaultTimeoutMs = 60_000

export class ToolError extends Error {
  readonly output: string

  constructor(program: string, output: string, options?: ErrorOptions) {
    super(`${program} failed: ${reasonIn(output)}`, options)
    this.name = 'ToolError'
    this.output = output
  }
}

/** Runs a program to its end. */
export type RunTool = (
  program: string,
  args: readonly string[],
  options?: { timeoutMs?: number; encoding?: 'utf8' | 'latin1'; env?: Readonly<Record<string, string>> },
) => Promise<string>

/**
 * @returns its standard output
 * @throws ToolError with what it wrote when it fails, is missing or takes longer than `timeoutMs`
 */
export const runTool: RunTool = (
  program,
  args,
  { timeoutMs = defaultTimeoutMs, encoding = 'utf8', env = {} } = {},
) =>
  new Promise((resolve, reject) => {
    execFile(
      program,
      [...args],
      {
        timeout: timeoutMs,
        maxBuffer: maxOutputBytes,
        encoding,
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', ...env },
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout)
        // Node's own words repeat the command line, and would hide what the program said.
        const output = error.killed ? `it did not end within ${timeoutMs / 1000} s` : `${stderr}\n${stdout}`
        reject(new ToolError(program, output.trim() || error.message, { cause: error }))
      },
    )
  })

/** The line that most likely says why. */
function reasonIn(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return (lines.find((line) => /error|fail/i.test(line)) ?? lines[0] ?? 'it gave no reason')
    .trim()
    .slice(0, 300)
}
