/** People and groups as the state machine changes them. */
import { mayGrant, type Role } from '@holdfast/api/contract/policy'
import { type Applying, type Handler, refuse } from '../../state/applying.ts'
import type { Actor } from '../../state/commands.ts'
import type { PersonRecord } from '../../state/directory.ts'

export interface PersonAddPayload {
  id: string
  name: string
  displayName: string
  role: Role
  kind: 'person' | 'service'
  passwordHash: string | null
  mustChange: boolean
}

export const personOf = (applying: Applying, id: string): PersonRecord => {
  const person = applying.directory.people.get(id)
  if (person === undefined || person.status === 'erased')
    return refuse('not-found', 'There is no such person.')
  return person
}

/** The last owner stays: without one nobody could appoint another. */
function keepAnOwner(applying: Applying, person: PersonRecord): void {
  if (person.role !== 'owner') return
  for (const other of applying.directory.people.values()) {
    if (other.id !== person.id && other.role === 'owner' && other.status === 'active') return
  }
  refuse('conflict', `${person.name} is the last active owner; make somebody else an owner first.`)
}

/** Nobody changes a person mightier than himself. Checked again here because roles may have changed since the request. */
function mayChange(applying: Applying, actor: Actor, person: PersonRecord): void {
  const by = applying.directory.people.get(actor.id)
  if (actor.id !== 'system' && (by === undefined || !mayGrant(by.role, person.role))) {
    refuse('forbidden', `You may not change ${person.name}, whose role is ${person.role}.`)
  }
}

export function insertPerson(applying: Applying, p: PersonAddPayload): void {
  if (applying.directory.peopleByName.has(p.name))
    refuse('name-taken', `The name ${p.name} is taken; names are never used twice.`)
  const { no } = applying.get<{ no: number }>('SELECT coalesce(max(no), 0) + 1 AS no FROM person') ?? {
    no: 1,
  }
  applying.run(
    'INSERT INTO person (id, no, name, displayName, role, kind, passwordHash, mustChange, createdAt, updatedAt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    p.id,
    no,
    p.name,
    p.displayName,
    p.role,
    p.kind,
    p.passwordHash,
    p.mustChange ? 1 : 0,
    applying.at,
    applying.at,
  )
  applying.changed('person', p.id)
}

const addPerson: Handler<PersonAddPayload> = (applying, p, actor) => {
  const by = applying.directory.people.get(actor.id)
  if (actor.id !== 'system' && (by === undefined || !mayGrant(by.role, p.role)))
    refuse('forbidden', `You may not give the role ${p.role}.`)
  insertPerson(applying, p)
  applying.audit(actor, {
    action: 'person.added',
    target: p.id,
    detail: { name: p.name, displayName: p.displayName, role: p.role, kind: p.kind },
  })
}

const updatePerson: Handler<{ id: string; displayName: string }> = (applying, p, actor) => {
  const person = personOf(applying, p.id)
  if (actor.id !== p.id) mayChange(applying, actor, person)
  applying.run(
    'UPDATE person SET displayName = ?, updatedAt = ? WHERE id = ?',
    p.displayName,
    applying.at,
    p.id,
  )
  applying.changed('person', p.id)
  applying.audit(actor, {
    action: 'person.updated',
    target: p.id,
    detail: { name: person.name, before: person.displayName, after: p.displayName },
  })
}

const setRole: Handler<{ id: string; role: Role }> = (applying, p, actor) => {
  const person = personOf(applying, p.id)
  mayChange(applying, actor, person)
  const by = applying.directory.people.get(actor.id)
  if (by && !mayGrant(by.role, p.role)) refuse('forbidden', `You may not give the role ${p.role}.`)
  if (p.role !== 'owner') keepAnOwner(applying, person)
  applying.run('UPDATE person SET role = ?, updatedAt = ? WHERE id = ?', p.role, applying.at, p.id)
  applying.changed('person', p.id)
  applying.audit(actor, {
    action: 'person.role',
    target: p.id,
    detail: { name: person.name, before: person.role, after: p.role },
  })
}

const suspend: Handler<{ id: string }> = (applying, { id }, actor) => {
  const person = personOf(applying, id)
  mayChange(applying, actor, person)
  if (person.status !== 'active') refuse('conflict', `${person.name} is suspended already.`)
  keepAnOwner(applying, person)
  applying.run("UPDATE person SET status = 'suspended', updatedAt = ? WHERE id = ?", applying.at, id)
  endSessions(applying, id)
  applying.changed('person', id)
  applying.audit(actor, { action: 'person.suspended', target: id, detail: { name: person.name } })
}

const resume: Handler<{ id: string }> = (applying, { id }, actor) => {
  const person = personOf(applying, id)
  mayChange(applying, actor, person)
  if (person.status !== 'suspended') refuse('conflict', `${person.name} is not suspended.`)
  applying.run(
    "UPDATE person SET status = 'active', failedLogins = 0, lockedUntil = 0, updatedAt = ? WHERE id = ?",
    applying.at,
    id,
  )
  applying.changed('person', id)
  applying.audit(actor, { action: 'person.resumed', target: id, detail: { name: person.name } })
}

const unlock: Handler<{ id: string }> = (applying, { id }, actor) => {
  const person = personOf(applying, id)
  mayChange(applying, actor, person)
  applying.run('UPDATE person SET failedLogins = 0, lockedUntil = 0 WHERE id = ?', id)
  applying.changed('person', id)
  applying.audit(actor, { action: 'person.unlocked', target: id, detail: { name: person.name } })
}

/** Personal data goes; the row, its number and the messages stay, so that order and proof stay whole. */
const erase: Handler<{ id: string }> = (applying, { id }, actor) => {
  const person = personOf(applying, id)
  mayChange(applying, actor, person)
  keepAnOwner(applying, person)
  endSessions(applying, id)
  for (const device of [...applying.directory.devices.values()]) {
    if (device.personId !== id) continue
    applying.run('DELETE FROM device WHERE id = ?', device.id)
    applying.changed('device', device.id)
  }
  const groups = applying.all<{ groupId: string }>('SELECT groupId FROM group_member WHERE personId = ?', id)
  const channels = [...applying.directory.channelsOf(person.no)]
  applying.run('DELETE FROM group_member WHERE personId = ?', id)
  applying.run(
    "DELETE FROM channel_member WHERE personId = ? AND channelId NOT IN (SELECT id FROM channel WHERE kind = 'direct')",
    id,
  )
  applying.run('DELETE FROM recovery_code WHERE personId = ?', id)
  applying.run(
    "UPDATE person SET name = ?, displayName = 'Erased person', role = 'member', status = 'erased', passwordHash = NULL, lastSeenAt = NULL, updatedAt = ? WHERE id = ?",
    `erased-${person.no}`,
    applying.at,
    id,
  )
  applying.changed('person', id)
  for (const { groupId } of groups) applying.changed('group', groupId)
  for (const channel of channels) applying.changed('channel', channel.id)
  applying.audit(actor, { action: 'person.erased', target: id, detail: {} })
}

export function endSessions(applying: Applying, personId: string, exceptId?: string): number {
  let ended = 0
  for (const session of [...applying.directory.sessions.values()]) {
    if (session.personId !== personId || session.id === exceptId) continue
    applying.run('DELETE FROM session WHERE id = ?', session.id)
    applying.changed('session', session.id)
    ended += 1
  }
  return ended
}

const endAllSessions: Handler<{ id: string }> = (applying, { id }, actor) => {
  const person = personOf(applying, id)
  if (actor.id !== id) mayChange(applying, actor, person)
  const ended = endSessions(applying, id)
  applying.audit(actor, {
    action: 'person.sessions-ended',
    target: id,
    detail: { name: person.name, sessions: ended },
  })
}

const setPassword: Handler<{
  id: string
  passwordHash: string
  mustChange: boolean
  keepSession: string | null
}> = (applying, p, actor) => {
  const person = personOf(applying, p.id)
  if (actor.id !== p.id) mayChange(applying, actor, person)
  applying.run(
    'UPDATE person SET passwordHash = ?, mustChange = ?, failedLogins = 0, lockedUntil = 0, updatedAt = ? WHERE id = ?',
    p.passwordHash,
    p.mustChange ? 1 : 0,
    applying.at,
    p.id,
  )
  endSessions(applying, p.id, p.keepSession ?? undefined)
  applying.changed('person', p.id)
  applying.audit(actor, {
    action: 'person.password',
    target: p.id,
    detail: { name: person.name, mustChange: p.mustChange },
  })
}

/** Channels that a change of the group's membership reaches. */
function touchChannelsOf(applying: Applying, groupId: string): void {
  for (const { channelId } of applying.all<{ channelId: string }>(
    'SELECT channelId FROM channel_group WHERE groupId = ?',
    groupId,
  )) {
    applying.changed('channel', channelId)
  }
}

const groupOf = (applying: Applying, id: string) =>
  applying.directory.groups.get(id) ?? refuse('not-found', 'There is no such group.')

function groupNameFree(applying: Applying, name: string, exceptId?: string): void {
  for (const group of applying.directory.groups.values()) {
    if (group.name === name && group.id !== exceptId)
      refuse('name-taken', `There is a group ${name} already.`)
  }
}

const createGroup: Handler<{ id: string; name: string; description: string; members: string[] }> = (
  applying,
  p,
  actor,
) => {
  groupNameFree(applying, p.name)
  for (const member of p.members) personOf(applying, member)
  applying.run(
    'INSERT INTO "group" (id, name, description, createdAt) VALUES (?, ?, ?, ?)',
    p.id,
    p.name,
    p.description,
    applying.at,
  )
  for (const member of p.members)
    applying.run(
      'INSERT INTO group_member (groupId, personId) VALUES (?, ?) ON CONFLICT DO NOTHING',
      p.id,
      member,
    )
  applying.changed('group', p.id)
  applying.audit(actor, {
    action: 'group.created',
    target: p.id,
    detail: { name: p.name, members: p.members },
  })
}

const updateGroup: Handler<{ id: string; name?: string; description?: string }> = (applying, p, actor) => {
  const group = groupOf(applying, p.id)
  if (p.name !== undefined) groupNameFree(applying, p.name, p.id)
  applying.run(
    'UPDATE "group" SET name = ?, description = ? WHERE id = ?',
    p.name ?? group.name,
    p.description ?? group.description,
    p.id,
  )
  applying.changed('group', p.id)
  applying.audit(actor, {
    action: 'group.updated',
    target: p.id,
    detail: { before: group.name, after: p.name ?? group.name },
  })
}

const removeGroup: Handler<{ id: string }> = (applying, { id }, actor) => {
  const group = groupOf(applying, id)
  const channels = applying.all<{ channelId: string }>(
    'SELECT channelId FROM channel_group WHERE groupId = ?',
    id,
  )
  applying.run('DELETE FROM "group" WHERE id = ?', id)
  applying.changed('group', id)
  for (const { channelId } of channels) applying.changed('channel', channelId)
  applying.audit(actor, { action: 'group.removed', target: id, detail: { name: group.name } })
}

const addToGroup: Handler<{ id: string; members: string[] }> = (applying, p, actor) => {
  const group = groupOf(applying, p.id)
  for (const member of p.members) {
    personOf(applying, member)
    applying.run(
      'INSERT INTO group_member (groupId, personId) VALUES (?, ?) ON CONFLICT DO NOTHING',
      p.id,
      member,
    )
  }
  applying.changed('group', p.id)
  touchChannelsOf(applying, p.id)
  applying.audit(actor, {
    action: 'group.members-added',
    target: p.id,
    detail: { name: group.name, members: p.members },
  })
}

const removeFromGroup: Handler<{ id: string; members: string[] }> = (applying, p, actor) => {
  const group = groupOf(applying, p.id)
  for (const member of p.members)
    applying.run('DELETE FROM group_member WHERE groupId = ? AND personId = ?', p.id, member)
  applying.changed('group', p.id)
  touchChannelsOf(applying, p.id)
  applying.audit(actor, {
    action: 'group.members-removed',
    target: p.id,
    detail: { name: group.name, members: p.members },
  })
}

export const identityHandlers = {
  'person.add': addPerson,
  'person.update': updatePerson,
  'person.setRole': setRole,
  'person.suspend': suspend,
  'person.resume': resume,
  'person.unlock': unlock,
  'person.erase': erase,
  'person.endSessions': endAllSessions,
  'person.setPassword': setPassword,
  'group.create': createGroup,
  'group.update': updateGroup,
  'group.remove': removeGroup,
  'group.addMembers': addToGroup,
  'group.removeMembers': removeFromGroup,
}
