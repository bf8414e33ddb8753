/** Questions to a worker thread and its answers, in any order. */
import { parentPort, Worker } from 'node:worker_threads'
import { HoldfastError } from '@holdfast/api/contract/errors'
import type { Logger } from './logger.ts'

/** Names of questions, each with what is asked and what is answered. */
export type QuestionTable = Record<string, { question: unknown; answer: unknown }>

type FromThread =
  | { t: 'ready' }
  | { t: 'answer'; id: number; answer: unknown }
  | { t: 'error'; id: number; message: string }
type ToThread = { t: 'ask'; id: number; name: string; question: unknown } | { t: 'close' }

/** Questions that may wait for one thread; more are refused with `busy`. */
const maxQuestions = 20_000

interface Waiting {
  resolve: (answer: unknown) => void
  reject: (error: Error) => void
}

export interface QuestionsOptions {
  url: URL
  name: string
  data: unknown
  logger: Logger
  /** Without a question for so long the thread ends, to give its memory back; the next one starts it again. */
  restAfterMs?: number
}

/** The asking side. The thread starts with the first question, or with `start`; one that dies is started again. */
export class Questions<Q extends QuestionTable> {
  private readonly options: QuestionsOptions
  private readonly waiting = new Map<number, Waiting>()
  private worker: Promise<Worker> | null = null
  private stopped = false
  private nextId = 1
  private resting: NodeJS.Timeout | null = null

  constructor(options: QuestionsOptions) {
    this.options = options
  }

  async start(): Promise<void> {
    await this.running()
  }

  /** @throws HoldfastError `busy` when too many questions wait, `internal` when the thread could not answer */
  async ask<N extends keyof Q & string>(name: N, question: Q[N]['question']): Promise<Q[N]['answer']> {
    if (this.waiting.size >= maxQuestions) throw tooBusy()
    if (this.resting) clearTimeout(this.resting)
    const worker = await this.running()
    const id = this.nextId
    this.nextId += 1
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject })
      worker.postMessage({ t: 'ask', id, name, question } satisfies ToThread)
    })
  }

  /** Tells the thread something that has no answer; nothing when it does not run. */
  async tell<M extends { t: string }>(message: M): Promise<void> {
    if (this.worker !== null && !this.stopped) (await this.worker).postMessage(message)
  }

  async stop(): Promise<void> {
    this.stopped = true
    if (this.resting) clearTimeout(this.resting)
    const worker = await this.worker?.catch(() => null)
    if (!worker) return
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    worker.postMessage({ t: 'close' } satisfies ToThread)
    await exited
  }

  private running(): Promise<Worker> {
    if (this.stopped) return Promise.reject(new HoldfastError('shutting-down', 'This node is shutting down.'))
    this.worker ??= this.spawn()
    return this.worker
  }

  private spawn(): Promise<Worker> {
    const { url, name, data } = this.options
    const worker = new Worker(url, { workerData: data, name })
    return new Promise((resolve, reject) => {
      worker.on('error', (error) => {
        reject(error)
        this.died(error)
      })
      worker.on('message', (message: FromThread) => {
        if (message.t === 'ready') resolve(worker)
        else this.answered(message)
      })
    })
  }

  private answered(message: Exclude<FromThread, { t: 'ready' }>): void {
    const waiting = this.waiting.get(message.id)
    this.waiting.delete(message.id)
    if (message.t === 'answer') waiting?.resolve(message.answer)
    else {
      this.options.logger.error(`${this.options.name}: ${message.message}`)
      waiting?.reject(noAnswer())
    }
    this.restLater()
  }

  private restLater(): void {
    const { restAfterMs } = this.options
    if (restAfterMs === undefined || this.waiting.size > 0) return
    if (this.resting) clearTimeout(this.resting)
    this.resting = setTimeout(() => {
      const { worker } = this
      if (this.waiting.size > 0 || this.stopped) return
      // Whoever asks from now on gets a thread of his own.
      this.worker = null
      void worker?.then((each) => each.postMessage({ t: 'close' } satisfies ToThread))
    }, restAfterMs).unref()
  }

  /** What waited is refused; the next question starts the thread again. */
  private died(error: Error): void {
    this.options.logger.error({ err: error }, `the thread ${this.options.name} died`)
    this.worker = null
    for (const { reject } of this.waiting.values()) reject(noAnswer())
    this.waiting.clear()
  }
}

const tooBusy = () =>
  new HoldfastError('busy', 'The node has more to look up than it can; try again in a moment.')
const noAnswer = () => new HoldfastError('internal', 'The node could not look this up; its log says why.')

export interface AnsweringOptions<Q extends QuestionTable> {
  answers: { [N in keyof Q]: (question: Q[N]['question']) => Q[N]['answer'] | Promise<Q[N]['answer']> }
  /** Messages that are no questions. */
  onTold?: (message: { t: string }) => void
  close: () => void
}

/** The answering side, in the thread. */
export function answerQuestions<Q extends QuestionTable>({
  answers,
  onTold,
  close,
}: AnsweringOptions<Q>): void {
  const port = parentPort
  if (port === null) throw new Error('answerQuestions runs in a worker thread')
  const answer = async (id: number, name: string, question: unknown): Promise<FromThread> => {
    try {
      return { t: 'answer', id, answer: await (answers[name] as (q: unknown) => unknown)(question) }
    } catch (error) {
      return { t: 'error', id, message: `${name}: ${(error as Error).message}` }
    }
  }
  port.on('message', (message: ToThread | { t: string }) => {
    if (message.t === 'ask') {
      const { id, name, question } = message as Extract<ToThread, { t: 'ask' }>
      void answer(id, name, question).then((result) => port.postMessage(result))
    } else if (message.t === 'close') {
      close()
      port.close()
    } else onTold?.(message)
  })
  port.postMessage({ t: 'ready' } satisfies FromThread)
}
