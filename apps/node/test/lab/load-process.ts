import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as later } from 'node:timers/promises'
import { pinnedNode } from '../node-process.ts'
import { hub, type Lab } from './lab.ts'
import {
  type LoadCommand,
  type LoadPlan,
  type LoadRecord,
  type Pace,
  type PhaseReport,
  type Progress,
  readRecord,
} from './load-record.ts'

const program = join(import.meta.dirname, 'load.ts')
/** A hang guard for nodes that take messages again. */
const recoveryGuardMs = 120_000
const pollMs = 50
/** Of what the load says on standard error, for the message when it ends by itself. */
const maxSaidCharacters = 8000

let loads = 0

/** Where a load runs: a lab, or something like it. */
export type Place = Pick<Lab, 'folder' | 'spawn'>

/** A load that runs in the lab's hub. */
export class LoadProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #file: string
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #id = 0
  #said = ''

  private constructor(lab: Place) {
    loads += 1
    this.#file = join(lab.folder, `load-${loads}.json`)
    this.#child = lab.spawn(hub, [pinnedNode, program], { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#said = `${this.#said}${chunk}`.slice(-maxSaidCharacters)
    })
    this.#child.stdin?.on('error', () => {})
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#answered(line))
    this.#child.once('close', () => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`The load ended by itself: ${this.#said}`))
      this.#waiting.clear()
    })
  }

  /** Makes the people and channels, and connects them. */
  static async prepare(lab: Place, plan: LoadPlan): Promise<LoadProcess> {
    const load = new LoadProcess(lab)
    try {
      await load.#ask({ do: 'prepare', plan })
      return load
    } catch (error) {
      await load[Symbol.asyncDispose]()
      throw error
    }
  }

  async start(pace: Pace): Promise<void> {
    await this.#ask({ do: 'start', pace })
  }

  /** What happened since the last call, or since the start. */
  phase(): Promise<PhaseReport> {
    return this.#ask({ do: 'phase' }) as Promise<PhaseReport>
  }

  progress(): Promise<Progress> {
    return this.#ask({ do: 'progress' }) as Promise<Progress>
  }

  /** Resolves when every writer has had so many more acknowledgements. */
  async recovered(messages = 1): Promise<void> {
    const before = (await this.progress()).acknowledged
    const deadline = performance.now() + recoveryGuardMs
    for (;;) {
      const { acknowledged, writers, troubles } = await this.progress()
      if (acknowledged.every((count, writer) => count >= (before[writer] ?? 0) + messages)) return
      if (performance.now() > deadline)
        throw new Error(
          `Some writers had no acknowledgement in ${recoveryGuardMs / 1000} s: ${acknowledged}; ${[...writers, ...troubles].join('; ')}`,
        )
      await later(pollMs)
    }
  }

  async pause(): Promise<void> {
    await this.#ask({ do: 'pause' })
  }

  /** Ends the load; resolves with all that it did and saw. */
  async stop(): Promise<LoadRecord> {
    await this.#ask({ do: 'stop', file: this.#file })
    return readRecord(this.#file)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  #ask(command: LoadCommand): Promise<unknown> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null)
      return Promise.reject(new Error(`The load has ended: ${this.#said}`))
    this.#id += 1
    const waiter = Promise.withResolvers<unknown>()
    this.#waiting.set(this.#id, waiter)
    this.#child.stdin?.write(`${JSON.stringify({ id: this.#id, ...command })}\n`)
    return waiter.promise
  }

  #answered(line: string): void {
    const { id, ok, error } = JSON.parse(line) as { id: number; ok?: unknown; error?: string }
    const waiter = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiter?.resolve(ok)
    else waiter?.reject(new Error(`The load failed: ${error}`))
  }
}
