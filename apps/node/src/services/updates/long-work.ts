/** Work that may take longer than a client waits for an answer: it goes on, and whoever asks again gets what came of it. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Well below what clients wait for an answer. */
const answerMs = 10_000
/** How long an outcome is kept for whoever was told to ask again. */
const keepMs = 60_000

export interface LongWorkTiming {
  answerMs: number
  keepMs: number
}

export class LongWork<T> {
  readonly #timing: LongWorkTiming
  #outcome: Promise<T> | null = null

  constructor(timing: LongWorkTiming = { answerMs, keepMs }) {
    this.#timing = timing
  }

  /**
   * Begins the work unless it is under way, or has an outcome that nobody got.
   * @returns null when it is not done yet: ask again
   * @throws what the work throws
   */
  async ask(begin: () => Promise<T>): Promise<T | null> {
    const outcome = this.#outcome ?? this.#keep(begin())
    const notYet = new AbortController()
    const late = sleep(this.#timing.answerMs, null, { signal: notYet.signal, ref: false }).catch(() => null)
    let isDone = true
    try {
      const answer = await Promise.race([outcome.then((value) => ({ value })), late])
      isDone = answer !== null
      return answer?.value ?? null
    } finally {
      notYet.abort()
      if (isDone && this.#outcome === outcome) this.#outcome = null
    }
  }

  /** The next one who asks begins anew. */
  forget(): void {
    this.#outcome = null
  }

  #keep(outcome: Promise<T>): Promise<T> {
    this.#outcome = outcome
    const settled = () => {
      const drop = () => {
        if (this.#outcome === outcome) this.#outcome = null
      }
      setTimeout(drop, this.#timing.keepMs).unref()
    }
    outcome.then(settled, settled)
    return outcome
  }
}
