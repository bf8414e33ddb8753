import { type ErrorCode, HoldfastError } from '../contract/errors.ts'
import type { ClientFrame, ServerFrame } from '../contract/frames.ts'
import { limits } from '../contract/limits.ts'
import { clientBounds } from './bounds.ts'
import { isTransient } from './errors.ts'

/** The frames that the node answers with an `ack`. */
export type Submission = Extract<ClientFrame, { t: 'send' | 'edit' | 'delete' }>
export type AckFrame = Extract<ServerFrame, { t: 'ack' }>

/** Where the node stored a message. */
export interface Acknowledgement {
  id: string
  channel: string
  /** Its place in the channel. */
  seq: number
  /** Milliseconds since 1970 at which the node committed it. */
  at: number
  /** The node had it already; this is the first one's place. */
  duplicate: boolean
}

interface Pending {
  frame: Submission
  bytes: number
  sent: boolean
  /** Refusals with a code that passes. */
  refusals: number
  lastRefusal: { code: ErrorCode; message: string } | null
  settled: Promise<Acknowledgement>
  resolve(value: Acknowledgement): void
  reject(error: HoldfastError): void
}

/** What an outbox does with a refusal: whether the message stays in it, and how often it was refused before. */
export type RefusalOutcome = { kept: false } | { kept: true; refusals: number }

/**
 * Messages from the application's `send` until the node's `ack`, in the order they were given. They survive the
 * connection: after a reconnect all that are not acknowledged go out again with the same id, and the node drops
 * those it has.
 */
export class Outbox {
  readonly #pending = new Map<string, Pending>()
  readonly #maxInFlight: number
  readonly #maxEntries: number
  readonly #maxBytes: number
  #unsent: Pending[] = []
  #unordered = false
  #inFlight = 0
  #bytes = 0
  /** When the node last gave an answer, or was first asked for one. */
  #progressAt = 0
  #waiters: (() => void)[] = []

  constructor(options: { maxInFlight?: number; maxEntries?: number; maxBytes?: number } = {}) {
    this.#maxInFlight = options.maxInFlight ?? limits.inflightSends
    this.#maxEntries = options.maxEntries ?? clientBounds.outboxEntries
    this.#maxBytes = options.maxBytes ?? clientBounds.outboxBytes
  }

  /** Messages that are not acknowledged. */
  get size(): number {
    return this.#pending.size
  }

  /** Messages written to this connection and not acknowledged. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Whether messages are at the node and it has answered none for so long. */
  isStalled(ms: number): boolean {
    return this.#inFlight > 0 && performance.now() - this.#progressAt >= ms
  }

  /** Whether the outbox takes another message. */
  get hasRoom(): boolean {
    return this.#pending.size < this.#maxEntries && this.#bytes < this.#maxBytes
  }

  /** Messages that are not acknowledged, oldest first; an application that stores them can send them after a restart. */
  unacknowledged(): Submission[] {
    return [...this.#pending.values()].map((pending) => pending.frame)
  }

  /**
   * Takes a message. The promise resolves at its acknowledgement; `signal` takes the message back.
   * @throws HoldfastError `busy` when the outbox is full, `conflict` when another message has this id, and the reason of
   * a signal that is aborted already.
   */
  add(frame: Submission, signal?: AbortSignal): Promise<Acknowledgement> {
    signal?.throwIfAborted()
    const settled = this.#take(frame)
    if (!signal) return settled
    const onAbort = (): void => {
      const { code = 'conflict', message = '' } = this.#pending.get(frame.id)?.lastRefusal ?? {}
      const text = `Message ${frame.id} was taken back before it was acknowledged, and may be stored all the same. Sent again with this id, it is not stored twice. ${message}`
      this.cancel(frame.id, new HoldfastError(code, text.trimEnd()))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    const done = (): void => signal.removeEventListener('abort', onAbort)
    settled.then(done, done)
    return settled
  }

  #take(frame: Submission): Promise<Acknowledgement> {
    const known = this.#pending.get(frame.id)
    if (known) {
      if (JSON.stringify(known.frame) === JSON.stringify(frame)) return known.settled
      throw new HoldfastError(
        'conflict',
        `Another message with the id ${frame.id} is being sent. Use an id of its own for each message.`,
      )
    }
    if (!this.hasRoom)
      throw new HoldfastError(
        'busy',
        `${this.#pending.size} messages wait to be acknowledged and there is no room for more. Wait for drained() before sending.`,
      )
    const { promise, resolve, reject } = Promise.withResolvers<Acknowledgement>()
    const bytes = clientBounds.entryOverheadBytes + ('body' in frame ? frame.body.length * 2 : 0)
    const pending: Pending = {
      frame,
      bytes,
      sent: false,
      refusals: 0,
      lastRefusal: null,
      settled: promise,
      resolve,
      reject,
    }
    this.#pending.set(frame.id, pending)
    this.#bytes += bytes
    this.#unsent.push(pending)
    return promise
  }

  /** The next message to write, now counted as in flight; undefined when there is none or the window is full. */
  next(): Submission | undefined {
    if (this.#inFlight >= this.#maxInFlight) return undefined
    if (this.#unordered) this.#restoreOrder()
    for (;;) {
      const pending = this.#unsent.shift()
      if (!pending) return undefined
      // A message can be taken back, or acknowledged late, while it waits to go out again.
      if (this.#pending.get(pending.frame.id) !== pending) continue
      pending.sent = true
      if (this.#inFlight === 0) this.#progressAt = performance.now()
      this.#inFlight += 1
      return pending.frame
    }
  }

  acknowledge(frame: AckFrame): void {
    const pending = this.#remove(frame.id)
    this.#progressAt = performance.now()
    pending?.resolve({
      id: frame.id,
      channel: frame.channel,
      seq: frame.seq,
      at: frame.at,
      duplicate: frame.duplicate === true,
    })
  }

  /** The channel that a message goes to. */
  channelOf(id: string): string | undefined {
    return this.#pending.get(id)?.frame.channel
  }

  /**
   * The node refused message `id`. A refusal that passes, as its code says or the caller knows, puts the message back in
   * front; any other ends it.
   */
  refuse(id: string, error: { code: ErrorCode; message: string }, passes = false): RefusalOutcome {
    const pending = this.#pending.get(id)
    if (!pending) return { kept: false }
    this.#progressAt = performance.now()
    if (passes || isTransient(error.code)) {
      if (pending.sent) {
        pending.sent = false
        this.#inFlight -= 1
        this.#unsent.push(pending)
        this.#unordered = true
      }
      pending.refusals += 1
      pending.lastRefusal = error
      return { kept: true, refusals: pending.refusals }
    }
    this.#remove(id)
    pending.reject(new HoldfastError(error.code, error.message))
    return { kept: false }
  }

  /** Takes a message back; one that was written may have been stored all the same. */
  cancel(id: string, error: HoldfastError): void {
    this.#remove(id)?.reject(error)
  }

  /** Another branch: messages that name an entry behind `shared` would name another one, or none, and are refused. */
  goBack(shared: ReadonlyMap<string, number>): void {
    for (const { frame } of [...this.#pending.values()]) {
      const named = frame.t === 'send' ? frame.reply : frame.seq
      if (named === undefined || named <= (shared.get(frame.channel) ?? 0)) continue
      const text = `Entry ${named}, which message ${frame.id} is about, was lost when the facility was restored or recovered.`
      this.cancel(frame.id, new HoldfastError('not-found', text))
    }
  }

  /** The connection is gone: everything that is not acknowledged goes out again, oldest first. */
  connectionLost(): void {
    this.#inFlight = 0
    this.#unsent = [...this.#pending.values()]
    for (const pending of this.#unsent) {
      pending.sent = false
      pending.refusals = 0
    }
  }

  /** Ends every message with `error(id)`. */
  fail(error: (id: string) => HoldfastError): void {
    for (const id of [...this.#pending.keys()]) this.cancel(id, error(id))
  }

  /** Resolves when there is room for another message. */
  drained(): Promise<void> {
    if (this.hasRoom) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  #remove(id: string): Pending | undefined {
    const pending = this.#pending.get(id)
    if (!pending) return undefined
    this.#pending.delete(id)
    this.#bytes -= pending.bytes
    if (pending.sent) this.#inFlight -= 1
    if (this.hasRoom && this.#waiters.length > 0) {
      const waiters = this.#waiters
      this.#waiters = []
      for (const wake of waiters) wake()
    }
    return pending
  }

  /** Refused messages come back one by one; the order of the application's calls is the one to keep. */
  #restoreOrder(): void {
    this.#unordered = false
    const unsent = new Set(this.#unsent)
    this.#unsent = [...this.#pending.values()].filter((pending) => unsent.has(pending))
  }
}
