import { type ErrorCode, HoldfastError } from '../contract/errors.ts'
import type { ClientFrame, Entry, ServerFrame } from '../contract/frames.ts'
import { clientBounds } from './bounds.ts'

export type HistoryFrame = Extract<ClientFrame, { t: 'history' }>
export type PageFrame = Extract<ServerFrame, { t: 'page' }>

/** What to give of a channel: the newest below `before`, or the oldest above `after`. */
export type HistoryRange = Pick<HistoryFrame, 'before' | 'after' | 'limit'>

/** A stretch of a channel, oldest entry first. */
export interface HistoryPage {
  entries: Entry[]
  /** Oldest sequence that retention has left. */
  floor: number
  /** Newest sequence. */
  head: number
  /** Whether there is more in the direction asked for. */
  more: boolean
}

interface Waiting {
  frame: HistoryFrame
  resolve(page: HistoryPage): void
  reject(error: HoldfastError): void
}

/** The application's `history` requests. They have no effect on the node, so a new connection simply asks again. */
export class Requests {
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0

  /** An id for a request of this client, whoever makes it. */
  nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }

  add(frame: HistoryFrame & { id: number }): Promise<HistoryPage> {
    if (this.#waiting.size >= clientBounds.requests)
      throw new HoldfastError(
        'busy',
        `${this.#waiting.size} history requests are not answered yet. Wait for one before asking for more.`,
      )
    return new Promise((resolve, reject) => this.#waiting.set(frame.id, { frame, resolve, reject }))
  }

  /** Takes an answer; false when nobody here asked for it. */
  answer(page: PageFrame): boolean {
    const waiting = this.#take(page.id)
    waiting?.resolve({ entries: page.entries, floor: page.floor, head: page.head, more: page.more })
    return waiting !== undefined
  }

  refuse(id: number | string, error: { code: ErrorCode; message: string }): boolean {
    const waiting = this.#take(id)
    waiting?.reject(new HoldfastError(error.code, error.message))
    return waiting !== undefined
  }

  get size(): number {
    return this.#waiting.size
  }

  /** Requests to send again on a new connection. */
  frames(): HistoryFrame[] {
    return [...this.#waiting.values()].map((waiting) => waiting.frame)
  }

  fail(error: HoldfastError): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error)
    this.#waiting.clear()
  }

  #take(id: number | string | undefined): Waiting | undefined {
    if (typeof id !== 'number') return undefined
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }
}
