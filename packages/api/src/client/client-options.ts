import type { ChannelState, Entry, PresenceState, ServerFrame } from '../contract/frames.ts'
import type { Priority } from '../contract/names.ts'
import type { ConnectionOptions, StateChange } from './connection.ts'
import type { Gap } from './entry-feed.ts'

export interface ClientOptions extends ConnectionOptions {
  /** The newest sequence the application has, by channel id: the client goes on behind it. */
  since?: Readonly<Record<string, number>>
  /** The branch of `since`, `client.branch` of the time when it was stored. Without it a restore goes unnoticed. */
  branch?: string
  /**
   * Where to begin in a channel that `since` does not name: with what comes from now on, behind this person's read
   * mark, at the oldest entry kept, or behind the sequence that a function gives. Default: `now`.
   */
  begin?: 'now' | 'unread' | 'oldest' | ((channel: ChannelState) => number)
  /** Only these channels (by id) are followed; all of the person's when absent. */
  follow?: (channel: ChannelState) => boolean
  /** Whether entries that the application has handled are marked as delivered. Default: true. */
  markDelivered?: boolean
  /** Messages kept until they are acknowledged. */
  outboxEntries?: number
}

export interface ChangeOptions {
  /** The message's id; the same id makes the node store the message once. Made by the client when absent. */
  id?: string
  /** Takes the message back when aborted. It may have been stored all the same if it was written before. */
  signal?: AbortSignal
}

export interface SendOptions extends ChangeOptions {
  priority?: Priority
  /** Sequence of the entry this answers. */
  reply?: number
}

/** The facility was restored from a backup, or recovered without some of its nodes. */
export interface BranchChange {
  branch: string
  previous: string
  /** Entries that were given to the application and are no more; what stands in their places now comes as `entry`. */
  undone: Gap[]
}

export interface ClientEvents {
  /** An entry of a followed channel. The next one comes when the handlers' promises are done. */
  entry: Entry
  /** Entries that retention had removed before they could be fetched. */
  gap: Gap
  /** Before the entries of the new branch: forget what it says is undone. */
  branch: BranchChange
  state: StateChange
  /** The person's channels changed. */
  channel: Extract<ServerFrame, { t: 'channel' }>
  marks: Extract<ServerFrame, { t: 'marks' }>
  presence: PresenceState[]
  typing: Extract<ServerFrame, { t: 'typing' }>
  notice: Extract<ServerFrame, { t: 'notice' }>
  /** Something went wrong that ends neither the connection nor a call of the application. */
  failure: Error
}
