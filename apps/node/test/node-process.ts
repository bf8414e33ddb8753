/** The `holdfast` command as a child process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clusterMigrations, migrate, nodeMigrations, openDatabase } from '@holdfast/db'
import { repoRoot } from './source-files.ts'

const command = join(repoRoot, 'bin', 'holdfast')
/** The Node that the packages bring, for programs of the tests' own. */
export const pinnedNode = join(repoRoot, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node')
/** A hang guard: a start takes a second, on a machine with other things to do a few. */
const startGuardMs = 60_000
/** Processes that still run when the tests end must not outlive them. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export interface RunOptions {
  env?: Record<string, string>
  /** Takes root's rights away: then files and ports are guarded by their modes and numbers, as for anybody else. */
  unprivileged?: boolean
  /** Words before the command that make it run somewhere else, such as in a network namespace, under the same process id. */
  within?: readonly string[]
  /** Words that run another `holdfast` than that of this checkout. */
  program?: readonly string[]
}

/**
 * Root without its capabilities (capabilities(7)), on a network of its own where ports below 1024 are privileged
 * whatever the machine's own network says. Debian's util-linux has both programs.
 */
const withoutRights = [
  'unshare',
  '--net',
  'setpriv',
  '--bounding-set=-all',
  '--inh-caps=-all',
  '--ambient-caps=-all',
]

export interface Finished {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

function spawnHoldfast(args: readonly string[], options: RunOptions = {}): ChildProcess {
  const before = options.unprivileged && process.getuid?.() === 0 ? withoutRights : []
  const own = options.program ?? [command]
  const [program = command, ...rest] = [...(options.within ?? []), ...before, ...own, ...args]
  const child = spawn(program, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_ENV: 'production', ...options.env },
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** Runs one command to its end. */
export function holdfast(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const child = spawnHoldfast(args, options)
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

/** `holdfast init` with these names; resolves with the recovery codes. */
export async function initialize(
  options: { dataDir: string; facility: string; nodeName: string; admin: string; password: string },
  running: RunOptions = {},
): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'))
  try {
    const passwordFile = join(folder, 'password')
    writeFileSync(passwordFile, options.password, { mode: 0o600 })
    const { dataDir, facility, nodeName, admin } = options
    const names = ['--facility', facility, '--node', nodeName, '--admin', admin]
    const file = ['--admin-password-file', passwordFile]
    const done = await holdfast(['init', '--data', dataDir, ...names, ...file, '--json'], running)
    if (done.code !== 0) throw new Error(`holdfast init ended with ${done.code}: ${done.stderr}`)
    return (JSON.parse(done.stdout) as { recoveryCodes: string[] }).recoveryCodes
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Switches announcing off before the first start: a test's node is of no interest to the LAN it runs on. */
export function keepQuiet(dataDir: string): void {
  const db = openDatabase(join(dataDir, 'node.db'), { role: 'writer' })
  migrate(db, nodeMigrations)
  const discovery = { enabled: false, mdns: false, beacon: false, interfaces: 'lan', staticPeers: [] }
  db.prepare("INSERT OR REPLACE INTO node_setting (key, value, updatedAt) VALUES ('settings', ?, ?)").run(
    JSON.stringify({ discovery }),
    Date.now(),
  )
  db.close()
}

/** Changes cluster.db of a stopped node, for states that a test cannot wait for. */
export function changeClusterDb(dataDir: string, sql: string, ...args: unknown[]): void {
  const db = openDatabase(join(dataDir, 'cluster.db'), { role: 'writer' })
  migrate(db, clusterMigrations)
  db.prepare(sql).run(...args)
  db.close()
}

/** `holdfast serve`. */
export class Daemon {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #log: string
  #spoken = ''
  #port = 0
  #onOutput: () => void = () => {}

  /** @param log what earlier daemons of the same node said */
  constructor(dataDir: string, flags: readonly string[], options: RunOptions & { log?: string } = {}) {
    this.#log = options.log ?? ''
    this.#child = spawnHoldfast(['serve', '--data', dataDir, ...flags], options)
    const take = (chunk: Buffer) => {
      this.#log += chunk.toString()
      this.#spoken += chunk.toString()
      this.#onOutput()
    }
    this.#child.stdout?.on('data', take)
    this.#child.stderr?.on('data', take)
    this.#ended = new Promise((resolve) => this.#child.once('close', () => resolve()))
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }
  get port(): number {
    return this.#port
  }
  get log(): string {
    return this.#log
  }
  get setupCode(): string | null {
    return /Set-up code\s+(\S+)/.exec(this.#spoken)?.[1] ?? null
  }
  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Resolves when the daemon serves. */
  async started(): Promise<void> {
    const serving = new Promise<void>((resolve, reject) => {
      const guard = setTimeout(
        () => reject(new Error(`the node did not start in ${startGuardMs} ms:\n${this.#log}`)),
        startGuardMs,
      )
      const settle = (error?: Error) => {
        clearTimeout(guard)
        this.#onOutput = () => {}
        if (error) reject(error)
        else resolve()
      }
      this.#onOutput = () => {
        const port = /serves https:\/\/localhost:(\d+)\n[\s\S]*CA fingerprint.*\n/.exec(this.#spoken)?.[1]
        if (port === undefined) return
        this.#port = Number(port)
        settle()
      }
      void this.#ended.then(() => settle(new Error(`the node ended while starting:\n${this.#log}`)))
      this.#onOutput()
    })
    await serving
  }

  /** Sends a signal, unless the process has ended, and waits for its end; null when a signal ended it. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (!this.hasEnded) this.#child.kill(signal)
    await this.#ended
    return this.#child.exitCode
  }
}
