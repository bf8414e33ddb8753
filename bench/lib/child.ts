import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, readFileSync } from 'node:fs'
import { BenchError } from './bench-error.ts'

const stopGraceMs = 5_000
const logTailCharacters = 2_000
const running = new Set<ServerProcess>()

export interface ServerCommand {
  command: string
  args: string[]
  /** Everything the process prints goes here. */
  logFile: string
  cwd?: string
  env?: NodeJS.ProcessEnv
}

/** A server that a suite started itself. It is stopped by its process id and never outlives the bench. */
export class ServerProcess implements AsyncDisposable {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #logFile: string
  readonly #exited: Promise<void>

  constructor(command: ServerCommand) {
    this.#logFile = command.logFile
    const log = createWriteStream(command.logFile)
    this.#child = spawn(command.command, command.args, {
      cwd: command.cwd,
      env: command.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    if (this.#child.pid === undefined) throw new BenchError(`cannot start ${command.command}`)
    this.pid = this.#child.pid
    this.#child.stdout?.pipe(log)
    this.#child.stderr?.pipe(log)
    this.#exited = new Promise((resolve) => this.#child.once('close', () => resolve()))
    running.add(this)
    void this.#exited.then(() => running.delete(this))
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Polls until `probe` answers true; a process that exits first, or takes too long, shows the end of its log. */
  async waitUntil(probe: () => Promise<boolean>, options = { timeoutMs: 60_000, pollMs: 50 }): Promise<void> {
    const deadline = performance.now() + options.timeoutMs
    while (performance.now() < deadline) {
      if (this.hasExited) throw new BenchError(`a server stopped while starting: ${this.#logTail()}`)
      if (await probe().catch(() => false)) return
      await new Promise((resolve) => setTimeout(resolve, options.pollMs))
    }
    throw new BenchError(`a server did not become ready in ${options.timeoutMs} ms: ${this.#logTail()}`)
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.hasExited) this.#child.kill(signal)
  }

  async stop(): Promise<void> {
    this.kill('SIGTERM')
    const timer = setTimeout(() => this.kill('SIGKILL'), stopGraceMs)
    await this.#exited
    clearTimeout(timer)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #logTail(): string {
    return readFileSync(this.#logFile, 'utf8').slice(-logTailCharacters).trim() || '(it printed nothing)'
  }
}

process.once('exit', () => {
  for (const server of running) server.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
