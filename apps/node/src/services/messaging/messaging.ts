import { HoldfastError } from '@holdfast/api/contract/errors'
import type { Entry } from '@holdfast/api/contract/frames'
import type * as input from '@holdfast/api/contract/inputs'
import type { Caller, SearchHit } from '@holdfast/api/services'
import type { ChannelStates } from '../../gateway/channel-states.ts'
import type { Reader } from '../../reader/reader.ts'
import type { ChannelRecord, Directory } from '../../state/directory.ts'
import { demandDevice } from '../auth/session-guard.ts'
import type { ChannelsService } from '../channels/channels.ts'

/** Reading messages outside the client protocol: pages, search, marks. Only what the caller is a member of. */
export class MessagesService {
  private readonly directory: Directory
  private readonly reader: Reader
  private readonly states: ChannelStates
  private readonly channels: ChannelsService

  constructor(options: {
    directory: Directory
    reader: Reader
    states: ChannelStates
    channels: ChannelsService
  }) {
    this.directory = options.directory
    this.reader = options.reader
    this.states = options.states
    this.channels = options.channels
  }

  async page(
    { channel: id, before, after, limit }: input.MessagesPage,
    caller: Caller,
  ): Promise<{ entries: Entry[]; floor: number; head: number; more: boolean }> {
    const channel = this.joined(id, caller)
    const { text, more } = await this.reader.ask('page', {
      channelNo: channel.no,
      channelId: id,
      before,
      after,
      limit,
    })
    return { entries: JSON.parse(`[${text}]`) as Entry[], floor: channel.floor, head: channel.head, more }
  }

  async search(
    value: input.MessagesSearch,
    caller: Caller,
  ): Promise<{ hits: SearchHit[]; more: boolean; lag: number }> {
    demandDevice(this.directory, caller.deviceId)
    const me = this.directory.people.get(caller.personId)
    const mine = [...this.directory.channelsOf(me?.no ?? 0)]
    const within = value.channel === undefined ? mine : [this.joined(value.channel, caller)]
    const senderNo = value.from === undefined ? undefined : (this.directory.people.get(value.from)?.no ?? -1)
    const { hits, more, lag } = await this.reader.ask('search', {
      text: value.text,
      channels: within.map(({ no, id }) => ({ no, id })),
      senderNo,
      offset: value.offset,
      limit: value.limit,
    })
    return {
      more,
      lag,
      hits: hits.flatMap((hit) => {
        const channel = this.directory.channels.get(hit.channelId)
        if (channel === undefined) return []
        const entry = JSON.parse(hit.entry) as Entry
        return [
          {
            ...entry,
            snippet: hit.snippet,
            channelTitle: this.channels.title(channel, caller.personId),
            fromName: this.directory.people.get(entry.from)?.displayName ?? entry.from,
          },
        ]
      }),
    }
  }

  async marks(
    { channel: id }: { channel: string },
    caller: Caller,
  ): Promise<{ person: string; name: string; delivered: number; read: number }[]> {
    const channel = this.joined(id, caller)
    return [...channel.members.keys()].flatMap((no) => {
      const person = this.directory.peopleByNo.get(no)
      if (person === undefined) return []
      const mark = this.states.mark(channel.no, no)
      return [
        {
          person: person.id,
          name: person.displayName,
          delivered: mark?.delivered ?? 0,
          read: mark?.read ?? 0,
        },
      ]
    })
  }

  private joined(id: string, caller: Caller): ChannelRecord {
    demandDevice(this.directory, caller.deviceId)
    const channel = this.directory.channels.get(id)
    const me = this.directory.people.get(caller.personId)
    if (channel === undefined || me === undefined || !channel.members.has(me.no))
      throw new HoldfastError('not-member', 'You are not a member of this channel.')
    return channel
  }
}
