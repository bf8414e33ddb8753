import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { BenchError } from '../lib/bench-error.ts'
import type { IdleCommand, IdleMessage, IdlePlan, IdleResult } from './idle-plan.ts'

const script = fileURLToPath(new URL('./idle.ts', import.meta.url))

/** The parent's side of one idle driver process. */
export class IdleDriver implements AsyncDisposable {
  readonly #child: ChildProcess = fork(script)
  /** Reasons of connections that broke while they should have been idle. */
  readonly lost: string[] = []

  constructor() {
    this.#child.on('message', (message: IdleMessage) => {
      if (message.event === 'lost') this.lost.push(message.reason)
    })
  }

  open(plan: IdlePlan): Promise<IdleResult> {
    return this.#ask({ command: 'open', plan })
  }

  storm(): Promise<IdleResult> {
    return this.#ask({ command: 'storm' })
  }

  #ask(command: IdleCommand): Promise<IdleResult> {
    return new Promise((resolve, reject) => {
      const listen = (message: IdleMessage) => {
        if (message.event !== 'opened') return
        this.#child.off('message', listen)
        resolve(message.result)
      }
      this.#child.on('message', listen)
      this.#child.once('exit', (code) => reject(new BenchError(`an idle driver ended with code ${code}`)))
      this.#child.send(command)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.removeAllListeners('exit')
    if (this.#child.exitCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}

/** The results of several drivers that worked side by side, as one. */
export function combine(results: IdleResult[]): IdleResult {
  const errors: Record<string, number> = {}
  for (const result of results)
    for (const [reason, count] of Object.entries(result.errors))
      errors[reason] = (errors[reason] ?? 0) + count
  return {
    opened: results.reduce((sum, result) => sum + result.opened, 0),
    errors,
    elapsedMs: Math.max(...results.map((result) => result.elapsedMs)),
    p50Ms: Math.max(...results.map((result) => result.p50Ms)),
    p99Ms: Math.max(...results.map((result) => result.p99Ms)),
  }
}
