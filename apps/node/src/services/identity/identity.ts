import { HoldfastError } from '@holdfast/api/contract/errors'
import type * as input from '@holdfast/api/contract/inputs'
import { mayGrant, type Role } from '@holdfast/api/contract/policy'
import type { Caller, GroupView, Page, PersonDetail, PersonView, Services } from '@holdfast/api/services'
import type { Proposer } from '../../log/proposer.ts'
import type { Clock } from '../../platform/clock.ts'
import { newId } from '../../platform/random.ts'
import type { Directory, GroupRecord, PersonRecord } from '../../state/directory.ts'
import { checkPassword } from '../../trust/password-rules.ts'
import type { Passwords } from '../../trust/passwords.ts'
import { callerActor, sessionViews } from '../auth/auth.ts'
import type { DeviceQueries } from '../devices/queries.ts'
import type { Presence } from '../presence/presence.ts'
import { facilitySettings } from '../settings/policy.ts'
import { parsePeopleCsv } from './people-csv.ts'

export interface IdentityOptions {
  directory: Directory
  proposer: Proposer
  passwords: Passwords
  presence: Presence
  devices: DeviceQueries
  clock: Clock
}

/** People: who may sign in and as what. */
export class PeopleService {
  private readonly o: IdentityOptions

  constructor(options: IdentityOptions) {
    this.o = options
  }

  async list(query: input.PeopleQuery, _caller: Caller): Promise<Page<PersonView>> {
    const text = query.text?.toLowerCase() ?? ''
    const found = [...this.o.directory.people.values()]
      .filter((p) => (query.status ? p.status === query.status : p.status !== 'erased'))
      .filter((p) => query.role === undefined || p.role === query.role)
      .filter((p) => p.name.includes(text) || p.displayName.toLowerCase().includes(text))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
    return {
      rows: found.slice(query.offset, query.offset + query.limit).map((p) => this.view(p)),
      total: found.length,
    }
  }

  async get({ id }: { id: string }, caller: Caller): Promise<PersonDetail> {
    const { directory } = this.o
    const person = this.find(id)
    const groups = [...directory.groups.values()]
      .filter((g) => g.members.has(id))
      .map((g) => ({ id: g.id, name: g.name }))
    // Direct channels are nobody's business but the two people's.
    const channels = [...directory.channelsOf(person.no)]
      .filter((c) => c.kind !== 'direct')
      .map((c) => ({ id: c.id, name: c.name, kind: c.kind }))
    return {
      ...this.view(person),
      groups,
      channels,
      devices: await this.o.devices.ofPerson(id),
      sessions: sessionViews(directory, id, caller.sessionId),
    }
  }

  async add(value: input.PersonAdd, caller: Caller): Promise<PersonView> {
    if (!mayGrant(caller.role, value.role))
      throw new HoldfastError('forbidden', `You may not give the role ${value.role}.`)
    const id = newId('p')
    if (value.password !== undefined)
      this.checkPassword(value.password, [value.name, value.displayName ?? value.name])
    const passwordHash = value.password === undefined ? null : await this.o.passwords.hash(value.password)
    const { name, role, kind, mustChange } = value
    await this.o.proposer.propose('person.add', callerActor(caller), {
      id,
      name,
      displayName: value.displayName ?? value.name,
      role,
      kind,
      passwordHash,
      mustChange,
    })
    return this.view(this.find(id))
  }

  async update({ id, displayName }: input.PersonUpdate, caller: Caller): Promise<PersonView> {
    await this.o.proposer.propose('person.update', callerActor(caller), { id, displayName })
    return this.view(this.find(id))
  }

  async setRole(value: { id: string; role: Role }, caller: Caller): Promise<PersonView> {
    await this.o.proposer.propose('person.setRole', callerActor(caller), value)
    return this.view(this.find(value.id))
  }

  async setPassword({ id, password, mustChange }: input.SetPassword, caller: Caller): Promise<void> {
    if (id === caller.personId)
      throw new HoldfastError(
        'forbidden',
        'Change your own password in your account, where the current one is asked for.',
      )
    const person = this.find(id)
    this.checkPassword(password, [person.name, person.displayName])
    const passwordHash = await this.o.passwords.hash(password)
    await this.o.proposer.propose('person.setPassword', callerActor(caller), {
      id,
      passwordHash,
      mustChange,
      keepSession: null,
    })
  }

  async suspend(value: { id: string }, caller: Caller): Promise<void> {
    await this.o.proposer.propose('person.suspend', callerActor(caller), value)
  }

  async resume(value: { id: string }, caller: Caller): Promise<void> {
    await this.o.proposer.propose('person.resume', callerActor(caller), value)
  }

  async unlock(value: { id: string }, caller: Caller): Promise<void> {
    await this.o.proposer.propose('person.unlock', callerActor(caller), value)
  }

  async erase(value: { id: string }, caller: Caller): Promise<void> {
    await this.o.proposer.propose('person.erase', callerActor(caller), value)
  }

  async endSessions(value: { id: string }, caller: Caller): Promise<void> {
    await this.o.proposer.propose('person.endSessions', callerActor(caller), value)
  }

  /** Each line is added or refused by itself; passwords made here are told once and must be changed. */
  async importCsv(
    { csv }: { csv: string },
    caller: Caller,
  ): Promise<{
    added: { name: string; password: string | null }[]
    refused: { line: number; why: string }[]
  }> {
    const { people, refused } = parsePeopleCsv(csv)
    const added: { name: string; password: string | null }[] = []
    for (const { line, person, madePassword } of people) {
      try {
        await this.add(person, caller)
        added.push({ name: person.name, password: madePassword })
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error
        refused.push({ line, why: error.message })
      }
    }
    return { added, refused: refused.sort((a, b) => a.line - b.line) }
  }

  view(person: PersonRecord): PersonView {
    const { id, name, displayName, role, kind, status, mustChange, createdAt } = person
    const locked = person.lockedUntil > this.o.clock.now()
    return {
      id,
      name,
      displayName,
      role,
      kind,
      status,
      mustChange,
      createdAt,
      lockedUntil: locked ? person.lockedUntil : null,
      lastSeenAt: this.o.presence.personSeenAt(person),
      presence: this.o.presence.of(id),
    }
  }

  private find(id: string): PersonRecord {
    const person = this.o.directory.people.get(id)
    if (person === undefined) throw new HoldfastError('not-found', 'There is no such person.')
    return person
  }

  private checkPassword(password: string, names: string[]): void {
    const settings = facilitySettings(this.o.directory)
    checkPassword(password, {
      minLength: settings.passwordMinLength,
      notEqualTo: [...names, settings.facility],
    })
  }
}

/** Groups of people, for membership of channels. */
export class GroupsService {
  private readonly directory: Directory
  private readonly proposer: Proposer

  constructor(directory: Directory, proposer: Proposer) {
    this.directory = directory
    this.proposer = proposer
  }

  async list(query: input.ListQuery): Promise<Page<GroupView>> {
    const text = query.text?.toLowerCase() ?? ''
    const found = [...this.directory.groups.values()]
      .filter((g) => g.name.includes(text) || g.description.toLowerCase().includes(text))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
    return {
      rows: found.slice(query.offset, query.offset + query.limit).map((g) => this.view(g)),
      total: found.length,
    }
  }

  async create(value: input.GroupCreate, caller: Caller): Promise<GroupView> {
    const id = newId('g')
    await this.proposer.propose('group.create', callerActor(caller), {
      id,
      name: value.name,
      description: value.description,
      members: personIds(this.directory, value.members),
    })
    return this.find(id)
  }

  async update(value: input.GroupUpdate, caller: Caller): Promise<GroupView> {
    const { id, name, description } = value
    await this.proposer.propose('group.update', callerActor(caller), {
      id,
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description }),
    })
    return this.find(id)
  }

  async remove(value: { id: string }, caller: Caller): Promise<void> {
    await this.proposer.propose('group.remove', callerActor(caller), value)
  }

  async addMembers({ id, members }: input.MembersInput, caller: Caller): Promise<GroupView> {
    await this.proposer.propose('group.addMembers', callerActor(caller), {
      id,
      members: personIds(this.directory, members),
    })
    return this.find(id)
  }

  async removeMembers({ id, members }: input.MembersInput, caller: Caller): Promise<GroupView> {
    await this.proposer.propose('group.removeMembers', callerActor(caller), {
      id,
      members: personIds(this.directory, members),
    })
    return this.find(id)
  }

  private find(id: string): GroupView {
    const group = this.directory.groups.get(id)
    if (group === undefined) throw new HoldfastError('not-found', 'There is no such group.')
    return this.view(group)
  }

  private view(group: GroupRecord): GroupView {
    const members = [...group.members].flatMap((id) => {
      const person = this.directory.people.get(id)
      return person ? [{ id, name: person.name, displayName: person.displayName }] : []
    })
    return {
      id: group.id,
      name: group.name,
      description: group.description,
      createdAt: group.createdAt,
      members: members.sort((a, b) => (a.name < b.name ? -1 : 1)),
    }
  }
}

/** Ids of people given by id or name. @throws HoldfastError `not-found` naming the one that does not exist */
export function personIds(directory: Directory, references: readonly string[]): string[] {
  return references.map((reference) => {
    const person = directory.findPerson(reference)
    if (person === undefined || person.status === 'erased')
      throw new HoldfastError('not-found', `There is no person ${reference}.`)
    return person.id
  })
}

/** Ids of groups given by id or name. @throws HoldfastError `not-found` naming the one that does not exist */
export function groupIds(directory: Directory, references: readonly string[]): string[] {
  return references.map((reference) => {
    const group =
      directory.groups.get(reference) ?? [...directory.groups.values()].find((g) => g.name === reference)
    if (group === undefined) throw new HoldfastError('not-found', `There is no group ${reference}.`)
    return group.id
  })
}

export type PeopleApi = Services['people']
