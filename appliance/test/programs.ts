/** Programs that the tests of packages start. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export const repoRoot = join(import.meta.dirname, '../..')
/** Where the tests keep what is slow to make and the same every time. */
export const cacheFolder = join(repoRoot, '.appliance/cache')
export const pinnedNode = join(repoRoot, `node_modules/node-linux-${process.arch}/bin/node`)

/** What is kept of a program's output; the cause of a failure stands at its end. */
const keptChars = 200_000

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a program to its end. */
export function run(
  [command, ...args]: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; input?: string; timeoutMs?: number } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command ?? '', args, {
      cwd: options.cwd ?? repoRoot,
      env: { ...process.env, ...options.env },
      timeout: options.timeoutMs ?? 600_000,
      killSignal: 'SIGKILL',
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => {
      stdout = (stdout + chunk.toString()).slice(-keptChars)
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-keptChars)
    })
    child.once('error', (error) => reject(new Error(`cannot run ${command}: ${error.message}`)))
    child.once('close', (code) => resolve({ code, stdout, stderr }))
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
  })
}

/** Runs a program that must succeed; its standard output. */
export async function must(command: readonly string[], options: Parameters<typeof run>[1] = {}) {
  const { code, stdout, stderr } = await run(command, options)
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${stdout}\n${stderr}`)
  return stdout
}

/** A missing tool fails with the line that installs it. */
export function needs(path: string, packageName: string): void {
  const found = path.startsWith('/')
    ? existsSync(path)
    : [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'].some((folder) =>
        existsSync(join(folder, path)),
      )
  if (!found) throw new Error(`${path} is missing; install it with: apt-get install ${packageName}`)
}

/** These tests start containers and machines. */
export function needsRoot(): void {
  if (process.getuid?.() !== 0) throw new Error('run these tests as root: they start containers and machines')
}
