/** The command as scripts use it: spawned. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

export const command = join(import.meta.dirname, '../../../bin/holdfast')

export interface Result {
  code: number | null
  out: string
  err: string
}

/** Runs the command to its end. */
export function runCommand(
  args: readonly string[],
  options: { input?: string; env?: Record<string, string> } = {},
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...options.env } })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk) => (out += chunk))
    child.stderr.on('data', (chunk) => (err += chunk))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out, err }))
    // It may have ended without reading.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
  })
}
