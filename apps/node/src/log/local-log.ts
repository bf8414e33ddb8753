import { HoldfastError } from '@holdfast/api/contract/errors'
import { limits } from '@holdfast/api/contract/limits'
import type { Clock } from '../platform/clock.ts'
import type { Logger } from '../platform/logger.ts'
import { encodeBatch } from '../state/commands.ts'
import type { Commit, Log, Settle } from './log.ts'
import { busy, lostWriter, settleOne, shuttingDown, type Waiting } from './settle.ts'
import { Writer } from './writer.ts'
import type { FromWriter } from './writer-protocol.ts'

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
  private readonly writer: Writer
  private waiting: Waiting[] = []
  private inflight: Waiting[] = []
  private batches = 0
  private stopping = false
  private listener: (commit: Commit) => void = () => {}
  private onIdle: (() => void) | null = null

  constructor(options: LocalLogOptions) {
    this.options = options
    const { databaseFile, nodeId } = options
    this.writer = new Writer(
      { databaseFile, synchronous: 'FULL', nodeId },
      (message) => this.receive(message),
      (error) => this.crashed(error),
    )
  }

  onCommit(listener: (commit: Commit) => void): void {
    this.listener = listener
  }

  /** @throws OpenError when the state cannot be read */
  async start(): Promise<void> {
    const { index, chain } = await this.writer.start()
    this.index = index
    this.chain = chain
  }

  propose(command: string, settle: Settle): void {
    this.admit()
    this.waiting.push({ command, settle })
    if (this.inflight.length === 0) this.cut()
  }

  admit(): void {
    if (this.stopping || !this.writer.running) throw shuttingDown()
    if (this.waiting.length >= limits.logQueue) throw busy()
  }

  readIndex(): Promise<void> {
    return Promise.resolve()
  }

  /** Has the writer leave the write-ahead log alone while the database is copied. */
  holdCheckpoints(held: boolean): void {
    this.writer.post({ t: 'hold-checkpoints', held })
  }

  async stop(): Promise<void> {
    this.stopping = true
    if (this.inflight.length > 0)
      await new Promise<void>((resolve) => {
        this.onIdle = resolve
      })
    await this.writer.close()
  }

  /** Hands what has gathered to the writer as one batch. */
  private cut(): void {
    const { waiting } = this
    if (waiting.length === 0) {
      this.inflight = []
      this.onIdle?.()
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
    this.writer.post(
      encodeBatch(
        this.options.nodeId,
        this.batches,
        this.options.clock.now(),
        this.inflight.map((w) => w.command),
      ),
    )
  }

  private receive(message: FromWriter): void {
    const settled = this.inflight
    if (message.t === 'applied') {
      const [batch] = message.batches
      if (batch === undefined) return
      const { index, at, outcomes, effects } = batch
      this.index = index
      this.chain = batch.chain
      this.cut()
      for (const [i, waiting] of settled.entries()) settleOne(waiting.settle, outcomes[i], at)
      this.listener({ index, at, commands: settled.length, effects })
    } else if (message.t === 'failed') {
      this.options.onFailure(message.code, message.message)
      const text =
        message.code === 'disk-full'
          ? 'The disk of this node is full; nothing was stored. Tell an administrator.'
          : 'The node could not store this; its log says why.'
      const error = new HoldfastError(message.code, text)
      this.cut()
      for (const waiting of settled) waiting.settle(error, null, 0)
    }
  }

  /** The writer died: nothing can be stored any more, so what waits is refused and the process must end. */
  private crashed(error: Error): void {
    this.options.logger.fatal({ err: error }, 'the writer thread died')
    this.stopping = true
    const refused = [...this.inflight, ...this.waiting]
    this.inflight = []
    this.waiting = []
    for (const { settle } of refused) settle(lostWriter(), null, 0)
    this.onIdle?.()
    this.options.onFailure('internal', error.message)
    process.exitCode = 1
    process.kill(process.pid, 'SIGTERM')
  }
}
