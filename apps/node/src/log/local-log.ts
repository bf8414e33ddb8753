import { basename } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type ErrorCode, HoldfastError } from '@holdfast/api/contract/errors'
import { limits } from '@holdfast/api/contract/limits'
import { OpenError } from '@holdfast/db'
import type { Clock } from '../platform/clock.ts'
import type { Logger } from '../platform/logger.ts'
import { threadUrl } from '../platform/thread-url.ts'
import { encodeBatch } from '../state/commands.ts'
import type { Outcome } from '../state/machine.ts'
import type { Commit, Log, Settle } from './log.ts'
import type { FromWriter, ToWriter, WriterData } from './writer-protocol.ts'

interface Waiting {
  command: string
  settle: Settle
}

export interface LocalLogOptions {
  databaseFile: string
  nodeId: string
  clock: Clock
  logger: Logger
  /** Told once for each batch that could not be stored. */
  onFailure: (code: 'disk-full' | 'internal', message: string) => void
}

/**
 * The log of a single node: the SQLite transaction itself is the durable record (WAL, synchronous=FULL). Group commit:
 * while the writer stores one batch, the next one gathers.
 */
export class LocalLog implements Log {
  index = 0
  chain = ''
  private readonly options: LocalLogOptions
  private worker: Worker | null = null
  private waiting: Waiting[] = []
  private inflight: Waiting[] = []
  private batches = 0
  private stopping = false
  private listener: (commit: Commit) => void = () => {}
  private onReady: { resolve: () => void; reject: (error: Error) => void } | null = null
  private onClosed: (() => void) | null = null

  constructor(options: LocalLogOptions) {
    this.options = options
  }

  onCommit(listener: (commit: Commit) => void): void {
    this.listener = listener
  }

  /** @throws OpenError when the state cannot be read */
  async start(): Promise<void> {
    const data: WriterData = { databaseFile: this.options.databaseFile, synchronous: 'FULL' }
    const worker = new Worker(threadUrl('writer-thread', import.meta.url), {
      workerData: data,
      name: 'holdfast-writer',
    })
    this.worker = worker
    try {
      await new Promise<void>((resolve, reject) => {
        this.onReady = { resolve, reject }
        worker.on('message', (message: FromWriter) => this.receive(message))
        worker.on('error', (error) => this.crashed(error))
      })
    } catch (error) {
      const { databaseFile } = this.options
      throw new OpenError(
        databaseFile,
        `${databaseFile} cannot be read (${(error as Error).message}): restore ${basename(databaseFile)} from a backup`,
        { cause: error },
      )
    } finally {
      this.onReady = null
    }
  }

  propose(command: string, settle: Settle): void {
    if (this.stopping || this.worker === null)
      throw new HoldfastError('shutting-down', 'This node is shutting down; connect again in a moment.')
    if (this.waiting.length >= limits.logQueue)
      throw new HoldfastError('busy', 'The node has more to store than it can; send again in a moment.')
    this.waiting.push({ command, settle })
    if (this.inflight.length === 0) this.cut()
  }

  async stop(): Promise<void> {
    this.stopping = true
    const { worker } = this
    if (worker === null) return
    await new Promise<void>((resolve) => {
      this.onClosed = resolve
      if (this.inflight.length === 0) this.post(null)
    })
    this.worker = null
    await worker.terminate()
  }

  /** Hands what has gathered to the writer as one batch. */
  private cut(): void {
    const { waiting } = this
    if (waiting.length === 0) {
      this.inflight = []
      if (this.onClosed !== null) this.post(null)
      return
    }
    if (waiting.length <= limits.batchCommands) {
      this.inflight = waiting
      this.waiting = []
    } else {
      this.inflight = waiting.slice(0, limits.batchCommands)
      this.waiting = waiting.slice(limits.batchCommands)
    }
    this.batches += 1
    this.post(
      encodeBatch(
        this.options.nodeId,
        this.batches,
        this.options.clock.now(),
        this.inflight.map((w) => w.command),
      ),
    )
  }

  private post(message: ToWriter): void {
    this.worker?.postMessage(message)
  }

  private receive(message: FromWriter): void {
    switch (message.t) {
      case 'ready':
        this.index = message.index
        this.chain = message.chain
        this.onReady?.resolve()
        return
      case 'applied': {
        const settled = this.inflight
        this.index = message.index
        this.chain = message.chain
        this.cut()
        for (const [i, waiting] of settled.entries())
          settleOne(waiting.settle, message.outcomes[i], message.at)
        this.listener({
          index: message.index,
          at: message.at,
          commands: settled.length,
          effects: message.effects,
        })
        return
      }
      case 'failed': {
        const settled = this.inflight
        this.options.onFailure(message.code, message.message)
        const text =
          message.code === 'disk-full'
            ? 'The disk of this node is full; nothing was stored. Tell an administrator.'
            : 'The node could not store this; its log says why.'
        const error = new HoldfastError(message.code, text)
        this.cut()
        for (const waiting of settled) waiting.settle(error, null, 0)
        return
      }
      case 'closed':
        this.onClosed?.()
    }
  }

  /** The writer died: nothing can be stored any more, so what waits is refused and the process must end. */
  private crashed(error: Error): void {
    // It answers nothing any more, not even that it has closed.
    this.worker = null
    if (this.onReady !== null) {
      this.onReady.reject(error)
      return
    }
    this.options.logger.fatal({ err: error }, 'the writer thread died')
    this.stopping = true
    const refused = [...this.inflight, ...this.waiting]
    this.inflight = []
    this.waiting = []
    for (const { settle } of refused)
      settle(new HoldfastError('internal', 'The node lost its writer and restarts.'), null, 0)
    this.onClosed?.()
    this.options.onFailure('internal', error.message)
    process.exitCode = 1
    process.kill(process.pid, 'SIGTERM')
  }
}

function settleOne(settle: Settle, outcome: number | Outcome | undefined, at: number): void {
  if (typeof outcome === 'number') settle(null, outcome, at)
  else if (outcome === undefined)
    settle(new HoldfastError('internal', 'The writer gave no answer.'), null, at)
  else if ('refused' in outcome)
    settle(new HoldfastError(outcome.refused[0] as ErrorCode, outcome.refused[1]), null, at)
  else settle(null, outcome.value, at)
}
