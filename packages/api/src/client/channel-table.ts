import type { ChannelState, Entry } from '../contract/frames.ts'
import { clientBounds } from './bounds.ts'

/** The person's channels, as the newest word of the nodes has them. */
export class ChannelTable {
  readonly #channels = new Map<string, ChannelState>()
  /** Channels that the last node knew and this one does not, with the time since when. */
  readonly #missing = new Map<string, number>()

  get byId(): ReadonlyMap<string, ChannelState> {
    return this.#channels
  }

  /** On another branch nothing is ahead of what the node says. */
  goBack(): void {
    for (const channel of this.#channels.values()) channel.head = 0
  }

  /** Takes the list of a `ready`. Returns the ids of the channels that are not in it any more. */
  reset(channels: readonly ChannelState[]): string[] {
    const before = new Map(this.#channels)
    this.#channels.clear()
    this.#missing.clear()
    for (const channel of channels) {
      // A node that is behind does not make what was there undone.
      const known = before.get(channel.id)
      before.delete(channel.id)
      const isAhead = known !== undefined && known.head > channel.head
      this.#channels.set(
        channel.id,
        isAhead ? { ...channel, head: known.head, unread: known.unread } : { ...channel },
      )
    }
    for (const id of before.keys()) this.#missing.set(id, performance.now())
    return [...before.keys()]
  }

  set(channel: ChannelState): void {
    this.#missing.delete(channel.id)
    this.#channels.set(channel.id, channel)
  }

  /** The person is out for good. */
  remove(id: string): void {
    this.#missing.delete(id)
    this.#channels.delete(id)
  }

  /** An entry was seen. @param me id of the person */
  grow(entry: Pick<Entry, 'channel' | 'seq' | 'kind' | 'from'>, me: string | undefined): void {
    const channel = this.#channels.get(entry.channel)
    if (!channel || entry.seq <= channel.head) return
    channel.head = entry.seq
    if (entry.kind === 'text' && entry.from !== me) channel.unread += 1
  }

  /** Whether the node may only not have caught up yet with one that knew the person as a member. */
  isBehind(id: string | undefined): boolean {
    const since = this.#missing.get(id ?? '')
    return since !== undefined && performance.now() - since < clientBounds.behindMs
  }
}
