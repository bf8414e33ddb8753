import { basename } from 'node:path'
import { Worker } from 'node:worker_threads'
import { OpenError } from '@holdfast/db'
import { threadUrl } from '../platform/thread-url.ts'
import type { LogPosition } from '../state/sequencer.ts'
import type { FromWriter, ToWriter, WriterData } from './writer-protocol.ts'

/** What the writer found in the database. */
export interface WriterState {
  index: number
  chain: string
  position: LogPosition | null
}

/** The log engines' hold of the writer thread: messages are answered in the order in which they were posted. */
export class Writer {
  private readonly data: WriterData
  private readonly onMessage: (message: FromWriter) => void
  private readonly onCrash: (error: Error) => void
  private worker: Worker | null = null
  private starting: { resolve: (state: WriterState) => void; reject: (error: Error) => void } | null = null
  private onClosed: (() => void) | null = null

  /** @param onCrash told once when the thread dies by itself; nothing can be stored from then on */
  constructor(data: WriterData, onMessage: (message: FromWriter) => void, onCrash: (error: Error) => void) {
    this.data = data
    this.onMessage = onMessage
    this.onCrash = onCrash
  }

  get running(): boolean {
    return this.worker !== null && this.starting === null
  }

  /** @throws OpenError when the state cannot be read */
  async start(): Promise<WriterState> {
    const worker = new Worker(threadUrl('writer-thread', import.meta.url), {
      workerData: this.data,
      name: 'holdfast-writer',
    })
    this.worker = worker
    try {
      return await new Promise<WriterState>((resolve, reject) => {
        this.starting = { resolve, reject }
        worker.on('message', (message: FromWriter) => this.receive(message))
        worker.on('error', (error) => this.crashed(error))
      })
    } catch (error) {
      const { databaseFile } = this.data
      throw new OpenError(
        databaseFile,
        `${databaseFile} cannot be read (${(error as Error).message}): restore ${basename(databaseFile)} from a backup`,
        { cause: error },
      )
    } finally {
      this.starting = null
    }
  }

  /** @param given memory of the message that is handed over instead of copied */
  post(message: ToWriter, given: readonly ArrayBuffer[] = []): void {
    this.worker?.postMessage(message, given)
  }

  /** Lets it finish what was posted and ends it. */
  async close(): Promise<void> {
    const { worker } = this
    if (worker === null) return
    // The thread closes the database and ends by itself.
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    await new Promise<void>((resolve) => {
      this.onClosed = resolve
      this.post({ t: 'close' })
    })
    this.worker = null
    await ended
  }

  private receive(message: FromWriter): void {
    if (message.t === 'ready')
      this.starting?.resolve({ index: message.index, chain: message.chain, position: message.position })
    else if (message.t === 'closed') this.onClosed?.()
    else this.onMessage(message)
  }

  private crashed(error: Error): void {
    // It answers nothing any more, not even that it has closed.
    this.worker = null
    if (this.starting !== null) {
      this.starting.reject(error)
      return
    }
    this.onClosed?.()
    this.onCrash(error)
  }
}
