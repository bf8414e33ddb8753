import { checkpointLimits } from './checkpointer.ts'
import { eventRange } from './verify-faults.ts'

/** Time after an event that no checkpoint covers yet in which one is made, with room for what has to be tried again. */
const dueMs = checkpointLimits.newsMs + 60_000
/**
 * Events, each this much after the one before, that show that checkpoints are missing. After the first, the node may have
 * ended before it made one; then the next start makes it at once.
 */
const lateEvents = 2

/**
 * Finds out from the times of the events whether checkpoints must have been there: the first one is made with the first
 * key, later ones in `newsMs` after an event. Those in the middle are not missed, because of old ones most go.
 */
export class MissingCheckpoints {
  #keySeq = 0
  /** The first event that no checkpoint covers so far. */
  #first: { seq: number; at: number } | null = null
  #last = { seq: 0, at: 0 }
  #late = 0
  #lateAt = 0
  #checkpoints = 0

  event(event: { seq: number; at: number; isKey: boolean }): void {
    if (event.isKey && this.#keySeq === 0) this.#keySeq = event.seq
    if (this.#keySeq === 0) return
    this.#last = event
    if (this.#first === null) {
      this.#first = event
      this.#lateAt = event.at
    } else if (event.at >= this.#lateAt + dueMs) {
      this.#late += 1
      this.#lateAt = event.at
    }
  }

  /** A checkpoint of everything so far. @returns what is missing before it, in a sentence */
  covered(size: number): string | null {
    const isMissed = this.#checkpoints === 0 && this.#late >= lateEvents
    const { seq = 0, at = 0 } = this.#first ?? {}
    this.#checkpoints += 1
    this.#first = null
    this.#late = 0
    if (!isMissed) return null
    return `the oldest checkpoint is of ${size} events, although a node had its key for signing them from event ${seq} on (${time(at)}): older ones were removed`
  }

  /** @returns what is missing at the end of the log */
  finish(): string | null {
    if (this.#first === null || this.#late < lateEvents) return null
    const which = eventRange(this.#first.seq, this.#last.seq)
    const when = `${time(this.#first.at)} to ${time(this.#last.at)}`
    return `no checkpoint covers ${which} (${when}), where one was due every ${checkpointLimits.newsMs / 60_000} minutes: checkpoints were removed, or the node could sign none, which its alerts would say`
  }
}

const time = (at: number) => new Date(at).toISOString()
