import type { ErrorCode } from '../contract/errors.ts'
import type { Entry } from '../contract/frames.ts'
import { limits } from '../contract/limits.ts'
import { clientBounds } from './bounds.ts'
import { ChannelCursor, createHeldBudget } from './channel-cursor.ts'
import type { HistoryFrame, PageFrame } from './requests.ts'

/** Entries `from` to `to` of a channel, both included, that retention removed before they could be fetched. */
export interface Gap {
  channel: string
  from: number
  to: number
}

export interface EntryFeedOptions {
  nextRequestId(): number
  /** Writes a request; the answer comes back through `page`, or never when the connection is lost. */
  request(frame: HistoryFrame): void
  /** Hands an entry to the application; a promise says when it has been handled. */
  deliver(entry: Entry): Promise<void> | undefined
  /** Whether the application takes entries now. */
  ready(): boolean
  onGap(gap: Gap): void
  onFailure(error: Error): void
}

/**
 * The cursors of all channels, the requests that fill their gaps, and the pump that hands entries to the application
 * one at a time. While the application is busy nothing is taken from the cursors; what then finds no room in them is
 * dropped and asked for again, so a slow application costs bandwidth and never memory or a lost entry.
 */
export class EntryFeed {
  readonly #options: EntryFeedOptions
  readonly #cursors = new Map<string, ChannelCursor>()
  readonly #budget = createHeldBudget()
  /** Channels that may have something to deliver or to ask for. */
  readonly #stirred = new Set<ChannelCursor>()
  /** Channels whose gap waits for its turn to be asked for. */
  readonly #wanting = new Set<ChannelCursor>()
  readonly #fills = new Map<number, ChannelCursor>()
  /** The newest sequence the application has handled; differs from a cursor's position while it is busy. */
  readonly #handled = new Map<string, number>()
  /** Where the application was in channels that it does not follow any more; `resume`: they may come back. */
  readonly #left = new Map<string, { position: number; resume: boolean }>()
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()
  #busy = false
  #stopped = false

  constructor(options: EntryFeedOptions) {
    this.#options = options
  }

  /**
   * Begins to follow a channel; one that is followed already goes on from where it is. One that was left never goes back
   * behind its place, and one that was only missing goes on at it.
   */
  follow(channel: { id: string; head: number }, start: { position: number; anchored: boolean }): void {
    let cursor = this.#cursors.get(channel.id)
    if (!cursor) {
      const left = this.#left.get(channel.id)
      this.#left.delete(channel.id)
      const place = left && (left.resume || left.position > start.position) ? left.position : null
      cursor = new ChannelCursor({
        channel: channel.id,
        ...(place === null ? start : { position: place, anchored: true }),
        budget: this.#budget,
      })
      this.#cursors.set(channel.id, cursor)
    }
    cursor.learn(channel.head)
    this.#stirred.add(cursor)
  }

  /** `resume`: the node does not name the channel, which it may do once it has caught up with the others. */
  unfollow(channel: string, { resume }: { resume: boolean } = { resume: false }): void {
    const cursor = this.#cursors.get(channel)
    if (!cursor) return
    this.#left.set(channel, { position: cursor.position, resume })
    if (this.#left.size > clientBounds.leftChannels) this.#left.delete(this.#left.keys().next().value!)
    cursor.clear()
    this.#cursors.delete(channel)
    this.#handled.delete(channel)
    this.#stirred.delete(cursor)
    this.#wanting.delete(cursor)
  }

  /**
   * Another branch: goes back to what each channel shares with it, to the beginning where that is not known. Returns what
   * was handed to the application and is no more; `before` is the same for channels that it never followed.
   */
  goBack(shared: ReadonlyMap<string, number>, before: readonly Gap[]): Gap[] {
    const undone = before.filter(({ channel }) => !this.#cursors.has(channel) && !this.#left.has(channel))
    for (const [channel, left] of this.#left) {
      const upTo = shared.get(channel) ?? 0
      if (left.position > upTo) undone.push({ channel, from: upTo + 1, to: left.position })
      left.position = Math.min(left.position, upTo)
    }
    for (const cursor of this.#cursors.values()) {
      const range = cursor.goBack(shared.get(cursor.channel) ?? 0)
      if (range) undone.push({ channel: cursor.channel, ...range })
      // What the application is busy with was of the branch before.
      this.#handled.delete(cursor.channel)
      this.#stirred.add(cursor)
    }
    return undone
  }

  /** What `sync` is to name. The answers move the cursors; until then nothing else is asked for them. */
  syncPositions(): Record<string, number> {
    const since: Record<string, number> = {}
    for (const cursor of this.#cursors.values()) {
      since[cursor.channel] = cursor.position
      cursor.outstanding = true
    }
    return since
  }

  /** The newest sequence that the application has handled, by channel. */
  positions(): Record<string, number> {
    const positions: Record<string, number> = {}
    for (const [channel, { position, resume }] of this.#left) if (resume) positions[channel] = position
    for (const cursor of this.#cursors.values())
      positions[cursor.channel] = this.#handled.get(cursor.channel) ?? cursor.position
    return positions
  }

  entry(entry: Entry): void {
    const cursor = this.#cursors.get(entry.channel)
    if (!cursor) return
    cursor.acceptLive(entry)
    this.#stirred.add(cursor)
  }

  /** An answer to `sync`, or to a `history` of ours. */
  page(page: PageFrame): void {
    if (typeof page.id === 'number') this.#fills.delete(page.id)
    const cursor = this.#cursors.get(page.channel)
    if (!cursor) return
    const gap = cursor.acceptPage(page)
    this.#stirred.add(cursor)
    if (gap) this.#options.onGap({ channel: page.channel, ...gap })
  }

  /** The node has answered `sync`: channels that it sent no page for have nothing new, or their page got lost. */
  synced(): void {
    const filling = new Set(this.#fills.values())
    for (const cursor of this.#cursors.values()) {
      if (!filling.has(cursor)) cursor.outstanding = false
      this.#stirred.add(cursor)
    }
  }

  /** A refusal of one of our requests; the channel is asked about again a little later. */
  refused(id: number | string, error: { code: ErrorCode; message: string }): boolean {
    const cursor = typeof id === 'number' ? this.#fills.get(id) : undefined
    if (!cursor) return false
    this.#fills.delete(id as number)
    this.#options.onFailure(new Error(`The node refused entries of ${cursor.channel}: ${error.message}`))
    this.#later(cursor)
    return true
  }

  connectionLost(): void {
    this.#fills.clear()
    this.#wanting.clear()
    for (const cursor of this.#cursors.values()) cursor.connectionLost()
  }

  /** Whether the node owes an answer. */
  get isOwed(): boolean {
    return this.#fills.size > 0
  }

  stop(): void {
    this.#stopped = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }

  /** Delivers what is in order, then asks for what is missing. */
  pump(): void {
    if (this.#stopped) return
    this.#deliverAll()
    for (const cursor of this.#stirred) {
      if (cursor.hasNext) continue
      this.#stirred.delete(cursor)
      if (cursor.wants) this.#wanting.add(cursor)
    }
    this.#fill()
  }

  #deliverAll(): void {
    if (this.#busy || !this.#options.ready()) return
    for (const cursor of this.#stirred) {
      for (let entry = cursor.take(); entry; entry = cursor.take()) {
        const { channel, seq } = entry
        this.#busy = true
        const pending = this.#options.deliver(entry)
        if (pending) {
          if (!this.#handled.has(channel)) this.#handled.set(channel, seq - 1)
          pending.then(() => {
            this.#busy = false
            if (this.#handled.has(channel)) this.#handled.set(channel, seq)
            this.pump()
          })
          return
        }
        this.#busy = false
        this.#handled.set(channel, seq)
        // A handler may have left the channel or ended the client.
        if (this.#stopped || !this.#options.ready()) return
      }
    }
  }

  #fill(): void {
    for (const cursor of this.#wanting) {
      if (this.#fills.size >= clientBounds.concurrentFills) return
      this.#wanting.delete(cursor)
      if (!cursor.wants) continue
      if (cursor.emptyFills >= clientBounds.emptyFills) {
        this.#options.onFailure(
          new Error(
            `The node names ${cursor.known} as the newest entry of ${cursor.channel} and does not give entry ${cursor.position + 1}.`,
          ),
        )
        cursor.emptyFills = 0
        this.#later(cursor)
        continue
      }
      const id = this.#options.nextRequestId()
      cursor.outstanding = true
      this.#fills.set(id, cursor)
      this.#options.request({
        t: 'history',
        id,
        channel: cursor.channel,
        after: cursor.position,
        limit: limits.pageEntries,
      })
    }
  }

  #later(cursor: ChannelCursor): void {
    cursor.outstanding = true
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      cursor.outstanding = false
      this.#stirred.add(cursor)
      this.pump()
    }, clientBounds.busyMaxMs)
    this.#timers.add(timer)
  }
}
