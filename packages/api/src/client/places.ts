import type { ChannelState } from '../contract/frames.ts'
import type { ReadyFrame } from './attempt.ts'
import type { ClientOptions } from './client-options.ts'
import type { Gap } from './entry-feed.ts'

/** Another branch than before: what it shares with that one, by channel id; nothing where a channel is not named. */
export interface OtherBranch {
  branch: string
  previous: string
  shared: ReadonlyMap<string, number>
  /** What the application had in the beginning and is no more. */
  undone: Gap[]
}

/** Where the application begins in each channel, and on which branch of the past it is. */
export class Places {
  readonly #begin: ClientOptions['begin']
  #since: Readonly<Record<string, number>>
  #branch: string | null

  constructor(options: Pick<ClientOptions, 'since' | 'branch' | 'begin'>) {
    this.#begin = options.begin
    this.#since = options.since ?? {}
    this.#branch = options.branch ?? null
  }

  get branch(): string | null {
    return this.#branch
  }

  /** Where to begin in a channel. `anchored`: the application was there, and what comes behind it is new to it. */
  start(channel: ChannelState): { position: number; anchored: boolean } {
    const given = this.#since[channel.id]
    const begin = this.#begin ?? 'now'
    const begins = { now: channel.head, unread: channel.read, oldest: 0 }
    return {
      position: given ?? (typeof begin === 'function' ? begin(channel) : begins[begin]),
      anchored: given !== undefined || begin !== 'now',
    }
  }

  /** Takes the node's word for the branch. A node that knows of none says nothing about it. */
  take({ branch, channels }: ReadyFrame): OtherBranch | null {
    const previous = this.#branch
    if (branch === undefined || branch === previous) return null
    this.#branch = branch
    if (previous === null) return null
    const shared = new Map(channels.map(({ id, shared: upTo = 0 }) => [id, upTo]))
    const undone: Gap[] = []
    const since: Record<string, number> = {}
    for (const [channel, to] of Object.entries(this.#since)) {
      const upTo = shared.get(channel) ?? 0
      if (to > upTo) undone.push({ channel, from: upTo + 1, to })
      since[channel] = Math.min(to, upTo)
    }
    this.#since = since
    return { branch, previous, shared, undone }
  }
}
