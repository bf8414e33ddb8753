import { HoldfastError } from '@holdfast/api/contract/errors'
import type * as input from '@holdfast/api/contract/inputs'
import { allowed } from '@holdfast/api/contract/policy'
import type { Caller, ChannelDetail, ChannelView, Page } from '@holdfast/api/services'
import type { ChannelStates } from '../../gateway/channel-states.ts'
import type { Proposer } from '../../log/proposer.ts'
import { newId } from '../../platform/random.ts'
import type { ChannelRecord, Directory, PersonRecord } from '../../state/directory.ts'
import { callerActor } from '../auth/auth.ts'
import { groupIds, personIds } from '../identity/identity.ts'
import { facilitySettings } from '../settings/policy.ts'

/** Channels: who talks with whom, and for how long it is kept. */
export class ChannelsService {
  private readonly directory: Directory
  private readonly proposer: Proposer
  private readonly states: ChannelStates

  constructor(options: { directory: Directory; proposer: Proposer; states: ChannelStates }) {
    this.directory = options.directory
    this.proposer = options.proposer
    this.states = options.states
  }

  async list(query: input.ListQuery, caller: Caller): Promise<Page<ChannelView>> {
    const me = this.person(caller)
    return this.page(
      query,
      caller,
      (c) => c.members.has(me.no) || (c.kind === 'open' && c.archivedAt === null),
    )
  }

  async listAll(query: input.ChannelsQuery, caller: Caller): Promise<Page<ChannelView>> {
    return this.page(
      query,
      caller,
      (c) =>
        c.kind !== 'direct' &&
        (query.kind === undefined || c.kind === query.kind) &&
        (query.archived === undefined || (c.archivedAt !== null) === query.archived),
    )
  }

  async get({ id }: { id: string }, caller: Caller): Promise<ChannelDetail> {
    const channel = this.visible(id, caller)
    const members = [...channel.members].flatMap(([no, { role, via }]) => {
      const person = this.directory.peopleByNo.get(no)
      if (person === undefined) return []
      const mark = this.states.mark(channel.no, no)
      const viaName = via === null ? null : (this.directory.groups.get(via)?.name ?? via)
      return [
        {
          id: person.id,
          name: person.name,
          displayName: person.displayName,
          role,
          via: viaName,
          delivered: mark?.delivered ?? 0,
          read: mark?.read ?? 0,
        },
      ]
    })
    const groups = this.states.groupsOf(id).flatMap((groupId) => {
      const group = this.directory.groups.get(groupId)
      return group ? [{ id: group.id, name: group.name }] : []
    })
    return {
      ...this.view(channel, caller),
      members: members.sort((a, b) => (a.name < b.name ? -1 : 1)),
      groups,
    }
  }

  async create(value: input.ChannelCreate, caller: Caller): Promise<ChannelView> {
    const id = newId('c')
    const retentionDays =
      value.retentionDays === undefined
        ? facilitySettings(this.directory).defaultRetentionDays
        : value.retentionDays
    await this.proposer.propose('channel.create', callerActor(caller), {
      id,
      kind: value.kind,
      name: value.name,
      topic: value.topic,
      directKey: null,
      retentionDays,
      members: personIds(this.directory, value.members),
      groups: groupIds(this.directory, value.groups),
    })
    return this.view(this.find(id), caller)
  }

  async direct({ person }: { person: string }, caller: Caller): Promise<ChannelView> {
    const [other] = personIds(this.directory, [person]) as [string]
    const payload = {
      id: newId('c'),
      people: [caller.personId, other] as [string, string],
      retentionDays: facilitySettings(this.directory).defaultRetentionDays,
    }
    const id = (await this.proposer.propose('channel.direct', callerActor(caller), payload)) as string
    return this.view(this.find(id), caller)
  }

  async update(value: input.ChannelUpdate, caller: Caller): Promise<ChannelView> {
    const { id, name, topic, retentionDays } = value
    await this.proposer.propose('channel.update', callerActor(caller), {
      id,
      ...(name !== undefined && { name }),
      ...(topic !== undefined && { topic }),
      ...(retentionDays !== undefined && { retentionDays }),
    })
    return this.view(this.find(id), caller)
  }

  async archive({ id }: { id: string }, caller: Caller): Promise<void> {
    await this.proposer.propose('channel.archive', callerActor(caller), { id, archived: true })
  }

  async unarchive({ id }: { id: string }, caller: Caller): Promise<void> {
    await this.proposer.propose('channel.archive', callerActor(caller), { id, archived: false })
  }

  async addMembers(value: input.ChannelMembers, caller: Caller): Promise<ChannelDetail> {
    await this.proposer.propose('channel.addMembers', callerActor(caller), this.membersPayload(value, caller))
    return this.detailOrView(value.id, caller)
  }

  async removeMembers(value: input.ChannelMembers, caller: Caller): Promise<ChannelDetail> {
    await this.proposer.propose(
      'channel.removeMembers',
      callerActor(caller),
      this.membersPayload(value, caller),
    )
    return this.detailOrView(value.id, caller)
  }

  async setMemberRole({ id, person, role }: input.ChannelMemberRole, caller: Caller): Promise<ChannelDetail> {
    this.visible(id, caller)
    await this.proposer.propose('channel.setMemberRole', callerActor(caller), {
      id,
      person,
      role,
      byRole: managesAll(caller),
    })
    return this.detailOrView(id, caller)
  }

  async join({ id }: { id: string }, caller: Caller): Promise<ChannelView> {
    await this.proposer.propose('channel.join', callerActor(caller), { id })
    return this.view(this.find(id), caller)
  }

  async leave({ id }: { id: string }, caller: Caller): Promise<void> {
    this.visible(id, caller)
    await this.proposer.propose('channel.leave', callerActor(caller), { id })
  }

  title(channel: ChannelRecord, forPersonId: string): string {
    if (channel.kind !== 'direct') return channel.name ?? channel.id
    const ids = (channel.directKey ?? '').split(':')
    const others = ids.filter((id) => id !== forPersonId)
    const shown = ids.includes(forPersonId) ? [others[0] ?? forPersonId] : ids
    return shown.map((id) => this.directory.people.get(id)?.displayName ?? id).join(' and ')
  }

  /** The channel, if the caller is in it, it is open, or his role manages all channels that are not direct. */
  private visible(id: string, caller: Caller): ChannelRecord {
    const channel = this.directory.channels.get(id)
    const member = channel?.members.has(this.person(caller).no)
    if (channel && (member || channel.kind === 'open' || (channel.kind !== 'direct' && managesAll(caller))))
      return channel
    throw new HoldfastError('not-found', 'There is no such channel, or you are not in it.')
  }

  private membersPayload({ id, members, groups }: input.ChannelMembers, caller: Caller) {
    this.visible(id, caller)
    return {
      id,
      members: personIds(this.directory, members),
      groups: groupIds(this.directory, groups),
      byRole: managesAll(caller),
    }
  }

  /** A manager who took himself out sees the channel as it was left once more. */
  private async detailOrView(id: string, caller: Caller): Promise<ChannelDetail> {
    try {
      return await this.get({ id }, caller)
    } catch {
      return { ...this.view(this.find(id), caller), members: [], groups: [] }
    }
  }

  private page(
    query: input.ListQuery,
    caller: Caller,
    matches: (channel: ChannelRecord) => boolean,
  ): Page<ChannelView> {
    const text = query.text?.toLowerCase() ?? ''
    const found = [...this.directory.channels.values()]
      .filter(matches)
      .map((channel) => this.view(channel, caller))
      .filter((c) => c.title.toLowerCase().includes(text) || c.topic.toLowerCase().includes(text))
      .sort((a, b) => (a.title < b.title ? -1 : 1))
    return { rows: found.slice(query.offset, query.offset + query.limit), total: found.length }
  }

  private view(channel: ChannelRecord, caller: Caller): ChannelView {
    const { id, name, kind, topic, head, floor, retentionDays, createdAt } = channel
    return {
      id,
      name,
      title: this.title(channel, caller.personId),
      kind,
      topic,
      head,
      floor,
      lastAt: channel.lastAt || null,
      retentionDays,
      archived: channel.archivedAt !== null,
      memberCount: channel.members.size,
      joined: channel.members.has(this.person(caller).no),
      createdAt,
    }
  }

  private find(id: string): ChannelRecord {
    const channel = this.directory.channels.get(id)
    if (channel === undefined) throw new HoldfastError('not-found', 'There is no such channel.')
    return channel
  }

  private person(caller: Caller): PersonRecord {
    const person = this.directory.people.get(caller.personId)
    if (person === undefined)
      throw new HoldfastError('session-ended', 'This session has ended; sign in again.')
    return person
  }
}

const managesAll = (caller: Caller): boolean => allowed('channels.listAll', caller.role)
