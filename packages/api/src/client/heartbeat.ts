import type { Timing } from './bounds.ts'

/** A look that comes this late was held up by this program: what the node sent meanwhile is not read yet. */
const heldUpMs = 250
/** So long later it is read. */
const readMs = 50

export interface HeartbeatOptions {
  timing: Timing
  /** Whether the node owes an answer. */
  isOwed(): boolean
  /** Bytes received so far; undefined when the socket tells of whole messages only. */
  bytes(): number | undefined
  ask(): void
  /** Called while an answer is owed, at most every `askMs`. */
  onOwed(): void
  /** Nothing came after the question; `silentMs` since the last sign of life. */
  onSilent(silentMs: number): void
}

/**
 * Finds out that a node is gone although its connection was never closed: a cut line drops packets and says nothing. One
 * timer for the next moment that matters; what is heard only notes the time.
 */
export class Heartbeat {
  readonly #o: HeartbeatOptions
  #timer: ReturnType<typeof setTimeout> | undefined
  #dueAt = 0
  #heardAt = performance.now()
  #askedAt: number | null = null
  #bytes: number | undefined
  #isStopped = false

  constructor(options: HeartbeatOptions) {
    this.#o = options
    this.#bytes = options.bytes()
    this.#lookIn(options.timing.idleMs)
  }

  heard(): void {
    this.#heardAt = performance.now()
    this.#askedAt = null
  }

  /** Something was written that the node has to answer. */
  sent(): void {
    const { askMs } = this.#o.timing
    if (this.#askedAt !== null || this.#dueAt <= performance.now() + askMs) return
    // Who was idle is asked soon after the first frame, not at the end of his rest.
    this.#lookIn(askMs)
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  #look(): void {
    const now = performance.now()
    const bytes = this.#o.bytes()
    if (bytes !== this.#bytes) this.heard()
    this.#bytes = bytes
    const { timing } = this.#o
    const lateMs = now - this.#dueAt
    if (lateMs > heldUpMs) {
      // The time is taken off the node's silence. It is no sign of life: on a busy machine there would be no end of them.
      this.#heardAt += lateMs
      if (this.#askedAt !== null) this.#askedAt += lateMs
      this.#lookIn(readMs)
      return
    }
    const answerMs = bytes === undefined ? timing.blindAnswerMs : timing.answerMs
    if (this.#askedAt !== null) {
      const leftMs = this.#askedAt + answerMs - now
      if (leftMs <= 0) this.#o.onSilent(now - this.#heardAt)
      else this.#lookIn(leftMs)
      return
    }
    const isOwed = this.#o.isOwed()
    if (isOwed) this.#o.onOwed()
    if (this.#isStopped) return
    const leftMs = this.#heardAt + (isOwed ? timing.askMs : timing.idleMs) - now
    if (leftMs > 0) {
      this.#lookIn(leftMs)
      return
    }
    this.#askedAt = now
    this.#o.ask()
    this.#lookIn(answerMs)
  }

  #lookIn(ms: number): void {
    clearTimeout(this.#timer)
    // Timers of Node may fire a millisecond early.
    this.#dueAt = performance.now() + ms
    this.#timer = setTimeout(() => this.#look(), Math.ceil(ms))
  }
}
