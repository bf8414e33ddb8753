import type { Entry } from '../contract/frames.ts'
import { clientBounds } from './bounds.ts'

/** Bytes held by all cursors of a client together. */
export interface HeldBudget {
  bytes: number
  readonly maxBytes: number
}

export function createHeldBudget(maxBytes: number = clientBounds.heldBytes): HeldBudget {
  return { bytes: 0, maxBytes }
}

function cost(entry: Entry): number {
  return entry.body.length * 2 + clientBounds.entryOverheadBytes
}

/**
 * Puts the entries of one channel into sequence order, each once. What arrives early is held; what arrives again is
 * dropped; what is missing shows in `wants`, and the client asks for it. An entry that finds no room is dropped as
 * well: `known` remembers that it exists, so it is asked for when its turn comes. Nothing can be lost by dropping.
 */
export class ChannelCursor {
  readonly channel: string
  /** Whether a request whose answer moves this cursor is under way. */
  outstanding = false
  /** Answers in a row that brought nothing. */
  emptyFills = 0
  readonly #budget: HeldBudget
  readonly #held = new Map<number, Entry>()
  #position: number
  #known: number
  #anchored: boolean

  /**
   * `anchored: false` says that `position` is only the head that the node named, not a place the application has
   * reached. An entry that was on its way when the node named it may carry that very sequence.
   */
  constructor(options: { channel: string; position: number; anchored: boolean; budget: HeldBudget }) {
    this.channel = options.channel
    this.#position = options.position
    this.#known = options.position
    this.#anchored = options.anchored
    this.#budget = options.budget
  }

  /** Sequence of the newest entry taken. */
  get position(): number {
    return this.#position
  }

  /** Newest sequence that the node of this connection is known to have. */
  get known(): number {
    return this.#known
  }

  /** Whether the next entry exists, is not here, and nobody has asked for it yet. */
  get wants(): boolean {
    return !this.outstanding && this.#position < this.#known && !this.#held.has(this.#position + 1)
  }

  /** Whether `take` has an entry to give. */
  get hasNext(): boolean {
    return this.#held.has(this.#position + 1)
  }

  /** The connection is gone. The next node may be behind: what it has and gives, it will say itself. */
  connectionLost(): void {
    this.outstanding = false
    this.emptyFills = 0
    this.#known = this.#position
    // An entry of the old connection can be on its way no more, and an older one of the next is an old one.
    this.#anchored = true
  }

  /** Entries behind `seq` are not what they were: begins anew there. Returns the range that was taken and is no more. */
  goBack(seq: number): { from: number; to: number } | null {
    this.clear()
    this.connectionLost()
    if (this.#position <= seq) return null
    const undone = { from: seq + 1, to: this.#position }
    this.#position = seq
    this.#known = seq
    return undone
  }

  /** The node says that entries up to `head` exist. */
  learn(head: number): void {
    if (head > this.#known) this.#known = head
  }

  /** An entry that the node sent by itself, as it was committed. */
  acceptLive(entry: Entry): void {
    if (!this.#anchored && entry.seq <= this.#position) {
      this.#position = entry.seq - 1
      this.#anchored = true
    }
    this.#accept(entry)
  }

  /** An answer to `sync` or `history`. Returns the range that retention has removed, when the cursor stood in it. */
  acceptPage(page: {
    entries: readonly Entry[]
    floor: number
    head: number
  }): { from: number; to: number } | null {
    this.outstanding = false
    const before = this.#position
    const gap = this.#skipTo(page.floor)
    this.learn(page.head)
    for (const entry of page.entries) this.#accept(entry)
    this.emptyFills = this.hasNext || this.#position > before ? 0 : this.emptyFills + 1
    return gap
  }

  /** The next entry in order, if it is here. */
  take(): Entry | undefined {
    const entry = this.#held.get(this.#position + 1)
    if (!entry) return undefined
    this.#drop(entry)
    this.#position = entry.seq
    this.#anchored = true
    return entry
  }

  /** Gives back what is held. */
  clear(): void {
    for (const entry of this.#held.values()) this.#budget.bytes -= cost(entry)
    this.#held.clear()
  }

  #accept(entry: Entry): void {
    this.learn(entry.seq)
    if (entry.seq <= this.#position || this.#held.has(entry.seq)) return
    const need = cost(entry)
    if (this.#budget.bytes + need > this.#budget.maxBytes && this.#held.size > 0) {
      // Room is made from behind: of one channel, the nearest entries are the ones that let it move on.
      let furthest = 0
      for (const seq of this.#held.keys()) if (seq > furthest) furthest = seq
      if (furthest < entry.seq) return
      this.#drop(this.#held.get(furthest)!)
    }
    this.#held.set(entry.seq, entry)
    this.#budget.bytes += need
  }

  #drop(entry: Entry): void {
    if (this.#held.delete(entry.seq)) this.#budget.bytes -= cost(entry)
  }

  #skipTo(floor: number): { from: number; to: number } | null {
    if (floor <= this.#position + 1) return null
    const gap = { from: this.#position + 1, to: floor - 1 }
    for (const entry of [...this.#held.values()]) if (entry.seq < floor) this.#drop(entry)
    this.#position = floor - 1
    this.learn(this.#position)
    return gap
  }
}
