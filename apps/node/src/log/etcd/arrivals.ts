import type { EncodedEntry } from '../writer-protocol.ts'

/** Groups of entries that the writer has not applied yet: one that it applies and one that it goes on with. */
const postedGroups = 2
/** Entries that are applied in one transaction. */
const groupEntries = 32
/** Entries that wait for a group; more are left in etcd. */
const arrivedEntries = 512

/**
 * Entries of one watch on their way to the writer. What comes while it is busy gathers, so that it is applied in few
 * transactions, and a watch that brings more than it can take is paused.
 */
export class Arrivals {
  private readonly post: (entries: EncodedEntry[]) => void
  private readonly stream: { pause(): void; resume(): void }
  private entries: EncodedEntry[] = []
  private posted = 0
  private paused = false
  private over = false

  constructor(post: (entries: EncodedEntry[]) => void, stream: { pause(): void; resume(): void }) {
    this.post = post
    this.stream = stream
  }

  add(entries: readonly EncodedEntry[]): void {
    // After the entries that come in this turn, which are one group.
    if (this.entries.length === 0) setImmediate(() => this.hand())
    this.entries.push(...entries)
  }

  /** The writer has applied a group. */
  applied(): void {
    this.posted -= 1
    this.hand()
  }

  /** Hands nothing on any more. */
  close(): void {
    this.over = true
  }

  private hand(): void {
    if (this.over) return
    while (this.posted < postedGroups && this.entries.length > 0) {
      this.posted += 1
      this.post(this.entries.splice(0, groupEntries))
    }
    const waiting = this.entries.length
    if (waiting > arrivedEntries && !this.paused) {
      this.paused = true
      this.stream.pause()
    } else if (waiting < arrivedEntries / 2 && this.paused) {
      this.paused = false
      this.stream.resume()
    }
  }
}
