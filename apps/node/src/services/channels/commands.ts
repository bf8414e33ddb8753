/** Channels and their membership as the state machine changes them. */
import type { ChannelKind } from '@holdfast/api/contract/names'
import { allowed } from '@holdfast/api/contract/policy'
import { type Applying, type Handler, refuse } from '../../state/applying.ts'
import type { Actor } from '../../state/commands.ts'
import type { ChannelRecord, MemberRole } from '../../state/directory.ts'
import { maxChannelNo, messageKey } from '../../state/keys.ts'
import { personOf } from '../identity/commands.ts'

/** Messages that one retention command removes, so that no batch stops the writer for long. */
export const retentionRows = 2000

const channelOf = (applying: Applying, id: string): ChannelRecord =>
  applying.directory.channels.get(id) ?? refuse('not-found', 'There is no such channel.')

/** Membership of a direct channel never changes. */
function groupLike(applying: Applying, id: string): ChannelRecord {
  const channel = channelOf(applying, id)
  if (channel.kind === 'direct')
    refuse('conflict', 'A direct channel belongs to its two people; nothing about it can be changed.')
  return channel
}

function nextNo(applying: Applying): number {
  const no = applying.get<{ no: number }>('SELECT coalesce(max(no), 0) + 1 AS no FROM channel')?.no ?? 1
  if (no > maxChannelNo) refuse('too-many', `A facility can have ${maxChannelNo} channels and has them all.`)
  return no
}

interface ChannelPayload {
  id: string
  kind: ChannelKind
  name: string | null
  topic: string
  directKey: string | null
  retentionDays: number | null
}

function insertChannel(applying: Applying, c: ChannelPayload, createdBy: string): void {
  applying.run(
    'INSERT INTO channel (id, no, kind, name, topic, directKey, retentionDays, createdBy, createdAt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    c.id,
    nextNo(applying),
    c.kind,
    c.name,
    c.topic,
    c.directKey,
    c.retentionDays,
    createdBy,
    applying.at,
  )
}

function insertMember(applying: Applying, channelId: string, personId: string, role: MemberRole): void {
  personOf(applying, personId)
  applying.run(
    'INSERT INTO channel_member (channelId, personId, role, addedAt) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    channelId,
    personId,
    role,
    applying.at,
  )
}

function insertGroup(applying: Applying, channelId: string, groupId: string): void {
  if (!applying.directory.groups.has(groupId)) refuse('not-found', 'There is no such group.')
  applying.run(
    'INSERT INTO channel_group (channelId, groupId, addedAt) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    channelId,
    groupId,
    applying.at,
  )
}

function nameFree(applying: Applying, name: string, exceptId?: string): void {
  const row = applying.get<{ id: string }>('SELECT id FROM channel WHERE name = ?', name)
  if (row !== undefined && row.id !== exceptId) refuse('name-taken', `There is a channel ${name} already.`)
}

const create: Handler<ChannelPayload & { members: string[]; groups: string[] }> = (applying, p, actor) => {
  nameFree(applying, p.name ?? '')
  insertChannel(applying, p, actor.id)
  if (actor.id !== 'system') insertMember(applying, p.id, actor.id, 'manager')
  for (const member of p.members) insertMember(applying, p.id, member, 'member')
  for (const group of p.groups) insertGroup(applying, p.id, group)
  applying.changed('channel', p.id)
  applying.audit(actor, {
    action: 'channel.created',
    target: p.id,
    detail: {
      name: p.name,
      kind: p.kind,
      members: p.members,
      groups: p.groups,
      retentionDays: p.retentionDays,
    },
  })
}

/** Returns the id of the one direct channel between two people. */
const direct: Handler<{ id: string; people: [string, string]; retentionDays: number | null }> = (
  applying,
  p,
  actor,
) => {
  const [a, b] = [...p.people].sort() as [string, string]
  const directKey = `${a}:${b}`
  const existing = applying.get<{ id: string }>('SELECT id FROM channel WHERE directKey = ?', directKey)
  if (existing !== undefined) return existing.id
  for (const id of [a, b]) {
    const person = personOf(applying, id)
    if (!allowed('frame.sync', person.role))
      refuse('conflict', `${person.name} takes no part in talk (${person.role}) and would never read it.`)
  }
  insertChannel(
    applying,
    { id: p.id, kind: 'direct', name: null, topic: '', directKey, retentionDays: p.retentionDays },
    actor.id,
  )
  for (const person of new Set([a, b])) insertMember(applying, p.id, person, 'member')
  applying.changed('channel', p.id)
  applying.audit(actor, {
    action: 'channel.created',
    target: p.id,
    detail: { kind: 'direct', members: [a, b] },
  })
  return p.id
}

const update: Handler<{ id: string; name?: string; topic?: string; retentionDays?: number | null }> = (
  applying,
  p,
  actor,
) => {
  const channel = groupLike(applying, p.id)
  if (p.name !== undefined) nameFree(applying, p.name, p.id)
  const after = {
    name: p.name ?? channel.name,
    topic: p.topic ?? channel.topic,
    retentionDays: p.retentionDays === undefined ? channel.retentionDays : p.retentionDays,
  }
  applying.run(
    'UPDATE channel SET name = ?, topic = ?, retentionDays = ? WHERE id = ?',
    after.name,
    after.topic,
    after.retentionDays,
    p.id,
  )
  applying.changed('channel', p.id)
  const before = { name: channel.name, topic: channel.topic, retentionDays: channel.retentionDays }
  applying.audit(actor, { action: 'channel.updated', target: p.id, detail: { before, after } })
}

const archive: Handler<{ id: string; archived: boolean }> = (applying, p, actor) => {
  const channel = groupLike(applying, p.id)
  if ((channel.archivedAt !== null) === p.archived)
    refuse('conflict', p.archived ? 'The channel is archived already.' : 'The channel is not archived.')
  applying.run('UPDATE channel SET archivedAt = ? WHERE id = ?', p.archived ? applying.at : null, p.id)
  applying.changed('channel', p.id)
  applying.audit(actor, {
    action: p.archived ? 'channel.archived' : 'channel.unarchived',
    target: p.id,
    detail: { name: channel.name },
  })
}

/** A manager of the channel, or a role that the policy lets manage every channel, which the proposer has checked. */
function mayManage(channel: ChannelRecord, applying: Applying, actor: Actor, byRole: boolean): void {
  const person = applying.directory.people.get(actor.id)
  const manager = person !== undefined && channel.members.get(person.no)?.role === 'manager'
  if (!manager && !byRole && actor.id !== 'system')
    refuse('forbidden', 'Only a manager of the channel may change who is in it.')
}

interface MembersPayload {
  id: string
  members: string[]
  groups: string[]
  byRole: boolean
}

const addMembers: Handler<MembersPayload> = (applying, p, actor) => {
  const channel = groupLike(applying, p.id)
  mayManage(channel, applying, actor, p.byRole)
  for (const member of p.members) insertMember(applying, p.id, member, 'member')
  for (const group of p.groups) insertGroup(applying, p.id, group)
  applying.changed('channel', p.id)
  applying.audit(actor, {
    action: 'channel.members-added',
    target: p.id,
    detail: { name: channel.name, members: p.members, groups: p.groups },
  })
}

const removeMembers: Handler<MembersPayload> = (applying, p, actor) => {
  const channel = groupLike(applying, p.id)
  mayManage(channel, applying, actor, p.byRole)
  for (const member of p.members)
    applying.run('DELETE FROM channel_member WHERE channelId = ? AND personId = ?', p.id, member)
  for (const group of p.groups)
    applying.run('DELETE FROM channel_group WHERE channelId = ? AND groupId = ?', p.id, group)
  applying.changed('channel', p.id)
  applying.audit(actor, {
    action: 'channel.members-removed',
    target: p.id,
    detail: { name: channel.name, members: p.members, groups: p.groups },
  })
}

const setMemberRole: Handler<{ id: string; person: string; role: MemberRole; byRole: boolean }> = (
  applying,
  p,
  actor,
) => {
  const channel = groupLike(applying, p.id)
  mayManage(channel, applying, actor, p.byRole)
  const person = personOf(applying, p.person)
  if (!channel.members.has(person.no)) refuse('not-found', `${person.name} is not a member of this channel.`)
  applying.run(
    'INSERT INTO channel_member (channelId, personId, role, addedAt) VALUES (?, ?, ?, ?) ON CONFLICT (channelId, personId) DO UPDATE SET role = excluded.role',
    p.id,
    p.person,
    p.role,
    applying.at,
  )
  applying.changed('channel', p.id)
  applying.audit(actor, {
    action: 'channel.member-role',
    target: p.id,
    detail: { name: channel.name, person: p.person, role: p.role },
  })
}

const join: Handler<{ id: string }> = (applying, p, actor) => {
  const channel = channelOf(applying, p.id)
  if (channel.kind !== 'open')
    refuse('forbidden', 'Only open channels can be joined; ask a manager of the channel.')
  if (channel.archivedAt !== null) refuse('channel-archived', 'This channel is archived.')
  insertMember(applying, p.id, actor.id, 'member')
  applying.changed('channel', p.id)
  applying.audit(actor, { action: 'channel.joined', target: p.id, detail: { name: channel.name } })
}

const leave: Handler<{ id: string }> = (applying, p, actor) => {
  const channel = groupLike(applying, p.id)
  const person = personOf(applying, actor.id)
  const membership = channel.members.get(person.no)
  if (membership === undefined) refuse('not-member', 'You are not a member of this channel.')
  if (membership?.via)
    refuse('conflict', 'You are in this channel through a group; ask to be taken out of the group.')
  applying.run('DELETE FROM channel_member WHERE channelId = ? AND personId = ?', p.id, actor.id)
  applying.changed('channel', p.id)
  applying.audit(actor, { action: 'channel.left', target: p.id, detail: { name: channel.name } })
}

/** Removes entries below `floor`, a bounded number at a time; says how many went. */
const expire: Handler<{ id: string; floor: number }> = (applying, p, actor) => {
  const channel = channelOf(applying, p.id)
  const floor = Math.min(p.floor, channel.head + 1, channel.floor + retentionRows)
  if (floor <= channel.floor) return 0
  applying.run(
    'DELETE FROM message WHERE key >= ? AND key < ?',
    messageKey(channel.no, channel.floor),
    messageKey(channel.no, floor),
  )
  applying.run('UPDATE channel SET floor = ? WHERE id = ?', floor, p.id)
  const removed = floor - channel.floor
  applying.changed('channel', p.id)
  applying.effects.push({ e: 'expired', channelNo: channel.no, floor })
  applying.audit(actor, {
    action: 'channel.expired',
    target: p.id,
    detail: { name: channel.name, below: floor, entries: removed },
  })
  return removed
}

export const channelHandlers = {
  'channel.create': create,
  'channel.direct': direct,
  'channel.update': update,
  'channel.archive': archive,
  'channel.addMembers': addMembers,
  'channel.removeMembers': removeMembers,
  'channel.setMemberRole': setMemberRole,
  'channel.join': join,
  'channel.leave': leave,
  'channel.expire': expire,
}
