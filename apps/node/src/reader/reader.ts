import { Worker } from 'node:worker_threads'
import { HoldfastError } from '@holdfast/api/contract/errors'
import type { Logger } from '../platform/logger.ts'
import { threadUrl } from '../platform/thread-url.ts'
import type { FromReader, QuestionName, Questions, ReaderData, ToReader } from './protocol.ts'

/** Questions that may wait for the reader; more are refused with `busy`. */
const maxQuestions = 20_000
/** How often the index is told of new entries, at most. */
const indexEveryMs = 500
/** Entries in that time above which indexing waits for quieter moments. */
const busyEntries = 1000

/** The main thread's side of the reader thread. */
export class Reader {
  private readonly data: ReaderData
  private readonly logger: Logger
  private worker: Worker | null = null
  private nextId = 1
  private readonly open = new Map<
    number,
    { resolve: (answer: unknown) => void; reject: (error: Error) => void }
  >()
  private entries = 0
  private timer: NodeJS.Timeout | null = null

  constructor(data: ReaderData, logger: Logger) {
    this.data = data
    this.logger = logger
  }

  async start(): Promise<void> {
    const worker = new Worker(threadUrl('reader-thread', import.meta.url), {
      workerData: this.data,
      name: 'holdfast-reader',
    })
    this.worker = worker
    await new Promise<void>((resolve, reject) => {
      worker.on('error', (error) => {
        reject(error)
        this.crashed(error)
      })
      worker.on('message', (message: FromReader) => {
        if (message.t === 'ready') resolve()
        else this.receive(message)
      })
    })
  }

  /** @throws HoldfastError `busy` when too many questions wait, `internal` when the reader could not answer. */
  ask<N extends QuestionName>(name: N, question: Questions[N]['question']): Promise<Questions[N]['answer']> {
    const { worker } = this
    if (worker === null || this.open.size >= maxQuestions)
      return Promise.reject(
        new HoldfastError('busy', 'The node has more to look up than it can; try again in a moment.'),
      )
    const id = this.nextId
    this.nextId += 1
    return new Promise((resolve, reject) => {
      this.open.set(id, { resolve: resolve as (answer: unknown) => void, reject })
      worker.postMessage({ t: 'ask', id, name, question } satisfies ToReader)
    })
  }

  /** Says that entries were stored; the index follows when the node has time. */
  entriesStored(count: number): void {
    this.entries += count
    this.timer ??= setTimeout(() => this.tellIndex(), indexEveryMs)
  }

  async stop(): Promise<void> {
    const { worker } = this
    if (worker === null) return
    this.worker = null
    if (this.timer) clearTimeout(this.timer)
    const closed = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    worker.postMessage({ t: 'close' } satisfies ToReader)
    await closed
  }

  private tellIndex(): void {
    const busy = this.entries > busyEntries
    this.entries = 0
    this.timer = null
    this.worker?.postMessage({ t: 'dirty', busy } satisfies ToReader)
    // When it was busy the index was put off: ask again, so that it catches up once the load ends.
    if (busy) this.timer = setTimeout(() => this.tellIndex(), indexEveryMs)
  }

  private receive(message: FromReader): void {
    if (message.t !== 'answer' && message.t !== 'error') return
    const waiting = this.open.get(message.id)
    this.open.delete(message.id)
    if (message.t === 'answer') waiting?.resolve(message.answer)
    else {
      this.logger.error({ question: message.id }, `reader: ${message.message}`)
      waiting?.reject(new HoldfastError('internal', 'The node could not look this up; its log says why.'))
    }
  }

  private crashed(error: Error): void {
    this.logger.error({ err: error }, 'the reader thread died')
    for (const { reject } of this.open.values())
      reject(new HoldfastError('internal', 'The node could not look this up; its log says why.'))
    this.open.clear()
    if (this.worker !== null)
      void this.start().catch((failure: Error) =>
        this.logger.fatal({ err: failure }, 'the reader thread does not start'),
      )
  }
}
