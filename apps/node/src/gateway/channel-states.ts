import type { ChannelState } from '@holdfast/api/contract/frames'
import type Database from 'better-sqlite3'
import { type ChannelRecord, type Directory, mayPost } from '../state/directory.ts'
import { channelNoOf, seqOf } from '../state/keys.ts'

interface MarkRow {
  channelNo: number
  delivered: number
  read: number
}

/** A person's view of channels, as `ready` and `channel` frames show it. */
export class ChannelStates {
  private readonly directory: Directory
  private readonly ofPerson: Database.Statement
  private readonly ofChannel: Database.Statement
  private readonly groups: Database.Statement
  private readonly sent: Database.Statement

  constructor(directory: Directory, db: Database.Database) {
    this.directory = directory
    this.ofPerson = db.prepare('SELECT channelNo, delivered, read FROM mark WHERE personNo = ?')
    this.ofChannel = db.prepare(
      'SELECT channelNo, delivered, read FROM mark WHERE personNo = ? AND channelNo = ?',
    )
    this.sent = db.prepare('SELECT key, at FROM message WHERE sender = ? AND clientId = ? AND kind = 0')
    this.groups = db.prepare('SELECT groupId FROM channel_group WHERE channelId = ?').pluck()
  }

  all(personNo: number): ChannelState[] {
    const marks = new Map((this.ofPerson.all(personNo) as MarkRow[]).map((mark) => [mark.channelNo, mark]))
    return [...this.directory.channelsOf(personNo)].map((channel) =>
      this.state(channel, personNo, marks.get(channel.no)),
    )
  }

  one(channelId: string, personNo: number): ChannelState | null {
    const channel = this.directory.channels.get(channelId)
    if (!channel?.members.has(personNo)) return null
    return this.state(channel, personNo, this.mark(channel.no, personNo))
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

  private state(channel: ChannelRecord, personNo: number, mark: MarkRow | undefined): ChannelState {
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
      archived: channel.archivedAt !== null,
      mayPost: mayPost(channel, personNo),
    }
    const peer = kind === 'direct' ? this.peerOf(channel, personNo) : undefined
    if (peer) state.peer = peer
    return state
  }

  /** The other person of a direct channel; oneself in the channel with oneself. */
  private peerOf(channel: ChannelRecord, personNo: number): ChannelState['peer'] {
    const self = this.directory.peopleByNo.get(personNo)
    const others = (channel.directKey ?? '').split(':').filter((id) => id !== self?.id)
    const person = this.directory.people.get(others[0] ?? self?.id ?? '')
    return person && { id: person.id, name: person.name, displayName: person.displayName }
  }
}
