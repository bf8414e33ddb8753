import type { ChannelState } from '@holdfast/api/contract/frames'
import { limits } from '@holdfast/api/contract/limits'
import type Database from 'better-sqlite3'
import { sharedWith } from '../state/branches.ts'
import { type ChannelRecord, type Directory, mayPost } from '../state/directory.ts'
import { channelNoOf, messageKey, seqOf } from '../state/keys.ts'

interface MarkRow {
  channelNo: number
  delivered: number
  read: number
}

interface NewerRow {
  entries: number
  messages: number
}
/** Entries that may still be looked at. */
interface Scan {
  left: number
}

/**
 * Entries looked at to count the unread messages of one channel, and of all channels of one person; a query that finds
 * few costs as much as `queryEntries`.
 */
const unreadScan = { channelEntries: 200, personEntries: 5000, queryEntries: 25 } as const

/** A person's view of channels, as `ready` and `channel` frames show it. */
export class ChannelStates {
  private readonly directory: Directory
  private readonly ofPerson: Database.Statement
  private readonly ofChannel: Database.Statement
  private readonly groups: Database.Statement
  private readonly sent: Database.Statement
  private readonly newer: Database.Statement

  constructor(directory: Directory, db: Database.Database) {
    this.directory = directory
    this.ofPerson = db.prepare('SELECT channelNo, delivered, read FROM mark WHERE personNo = ?')
    this.ofChannel = db.prepare(
      'SELECT channelNo, delivered, read FROM mark WHERE personNo = ? AND channelNo = ?',
    )
    this.sent = db.prepare('SELECT key, at FROM message WHERE sender = ? AND clientId = ? AND kind = 0')
    this.newer = db.prepare(
      `SELECT count(*) AS entries, count(*) FILTER (WHERE kind = 0 AND sender <> ?) AS messages
       FROM (SELECT sender, kind FROM message WHERE key > ? AND key <= ? ORDER BY key LIMIT ?)`,
    )
    this.groups = db.prepare('SELECT groupId FROM channel_group WHERE channelId = ?').pluck()
  }

  /** @param branch of the places that the client has, when it is known */
  all(personNo: number, branch?: string): ChannelState[] {
    const marks = new Map((this.ofPerson.all(personNo) as MarkRow[]).map((mark) => [mark.channelNo, mark]))
    const scan = { left: unreadScan.personEntries }
    const shared = branch === undefined ? null : sharedWith(this.directory, branch)
    return [...this.directory.channelsOf(personNo)].map((channel) => ({
      ...this.state(channel, personNo, { mark: marks.get(channel.no), scan }),
      ...(shared !== null && { shared: shared(channel.no) }),
    }))
  }

  one(channelId: string, personNo: number): ChannelState | null {
    const channel = this.directory.channels.get(channelId)
    if (!channel?.members.has(personNo)) return null
    const scan = { left: unreadScan.channelEntries }
    return this.state(channel, personNo, { mark: this.mark(channel.no, personNo), scan })
  }

  mark(channelNo: number, personNo: number): MarkRow | undefined {
    return this.ofChannel.get(personNo, channelNo) as MarkRow | undefined
  }

  /** Where and when a message with this id was stored in the channel; null when it was not. */
  sentBefore(channelId: string, personNo: number, clientId: string): { seq: number; at: number } | null {
    const row = this.sent.get(personNo, clientId) as { key: number; at: number } | undefined
    if (row === undefined || channelNoOf(row.key) !== this.directory.channels.get(channelId)?.no) return null
    return { seq: seqOf(row.key), at: row.at }
  }

  /** Ids of the groups whose people are in the channel. */
  groupsOf(channelId: string): string[] {
    return this.groups.all(channelId) as string[]
  }

  private state(
    channel: ChannelRecord,
    personNo: number,
    { mark, scan }: { mark: MarkRow | undefined; scan: Scan },
  ): ChannelState {
    const { id, name, kind, topic, head, floor } = channel
    const state: ChannelState = {
      id,
      name,
      kind,
      topic,
      head,
      floor,
      delivered: mark?.delivered ?? 0,
      read: mark?.read ?? 0,
      unread: this.unread(channel, { personNo, read: mark?.read ?? 0, scan }),
      archived: channel.archivedAt !== null,
      mayPost: mayPost(channel, personNo),
    }
    const peer = kind === 'direct' ? this.peerOf(channel, personNo) : undefined
    if (peer) state.peer = peer
    return state
  }

  /** Messages of others after the read mark. What the scan does not reach counts as such: nothing unread is hidden. */
  private unread(channel: ChannelRecord, of: { personNo: number; read: number; scan: Scan }): number {
    const read = Math.max(of.read, channel.floor - 1)
    const newer = channel.head - read
    if (newer <= 0) return 0
    const limit = Math.min(unreadScan.channelEntries, of.scan.left)
    const { entries, messages } =
      limit > 0
        ? (this.newer.get(
            of.personNo,
            messageKey(channel.no, read),
            messageKey(channel.no, channel.head),
            limit,
          ) as NewerRow)
        : { entries: 0, messages: 0 }
    of.scan.left -= Math.max(entries, unreadScan.queryEntries)
    const beyond = entries < limit ? 0 : newer - entries
    return Math.min(limits.unreadMessages, messages + beyond)
  }

  /** The other person of a direct channel; oneself in the channel with oneself. */
  private peerOf(channel: ChannelRecord, personNo: number): ChannelState['peer'] {
    const self = this.directory.peopleByNo.get(personNo)
    const others = (channel.directKey ?? '').split(':').filter((id) => id !== self?.id)
    const person = this.directory.people.get(others[0] ?? self?.id ?? '')
    return person && { id: person.id, name: person.name, displayName: person.displayName }
  }
}
