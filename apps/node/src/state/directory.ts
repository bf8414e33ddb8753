import type { ChannelKind } from '@holdfast/api/contract/names'
import type { Role } from '@holdfast/api/contract/policy'
import type Database from 'better-sqlite3'
import type { RecordKind } from './effects.ts'

export interface PersonRecord {
  id: string
  no: number
  name: string
  displayName: string
  role: Role
  kind: 'person' | 'service'
  status: 'active' | 'suspended' | 'erased'
  mustChange: boolean
  failedLogins: number
  lockedUntil: number
  createdAt: number
  lastSeenAt: number | null
}
export interface SessionRecord {
  id: string
  personId: string
  tokenHash: string
  deviceId: string | null
  userAgent: string
  remote: string
  createdAt: number
  expiresAt: number
}
export interface DeviceRecord {
  id: string
  personId: string
  name: string
  platform: string
  site: string
  thumbprint: string
  status: 'pending' | 'approved' | 'revoked'
  expiresAt: number | null
  lastSeenAt: number | null
}
export interface GroupRecord {
  id: string
  name: string
  description: string
  createdAt: number
  members: Set<string>
}
export type MemberRole = 'member' | 'poster' | 'manager'
export interface Membership {
  role: MemberRole
  /** Id of the group that brings the person in; null: added by name. */
  via: string | null
}
export interface ChannelRecord {
  id: string
  no: number
  kind: ChannelKind
  name: string | null
  topic: string
  directKey: string | null
  head: number
  floor: number
  lastAt: number
  retentionDays: number | null
  archivedAt: number | null
  createdBy: string
  createdAt: number
  /** Everybody who is in, by the person's number: by name or by a group. */
  members: Map<number, Membership>
}

/** A member of the cluster; on a single node there is one. */
export interface NodeRecord {
  id: string
  name: string
  site: string
  /** SHA-256 of its certificate, hex. */
  fingerprint: string
  addedAt: number
  /** Host name or address at which others reach it; null: a single node that was never asked. */
  address: string | null
  httpsPort: number | null
  peerPort: number | null
  raftPort: number | null
  /** Id of its member in etcd, decimal. */
  memberId: string | null
  version: string
  /** Key that verifies its lines under checkpoints of the audit log. */
  auditKey: string | null
}

type PersonRow = Omit<PersonRecord, 'mustChange'> & { mustChange: number }
type GroupRow = Omit<GroupRecord, 'members'>
type ChannelRow = Omit<ChannelRecord, 'members'>
interface SettingRow {
  key: string
  value: string
  version: number
}

/**
 * The replicated control plane in memory: people, groups, channels, sessions, devices, settings. The writer thread
 * and the node's main thread each hold one; both read rows again when a commit says that they changed, so that
 * memory never holds what the database does not.
 */
export class Directory {
  readonly people = new Map<string, PersonRecord>()
  readonly peopleByNo = new Map<number, PersonRecord>()
  readonly peopleByName = new Map<string, PersonRecord>()
  readonly groups = new Map<string, GroupRecord>()
  readonly channels = new Map<string, ChannelRecord>()
  readonly channelsByNo = new Map<number, ChannelRecord>()
  readonly sessions = new Map<string, SessionRecord>()
  readonly sessionsByHash = new Map<string, SessionRecord>()
  readonly devices = new Map<string, DeviceRecord>()
  readonly devicesByThumbprint = new Map<string, DeviceRecord>()
  readonly settings = new Map<string, { value: unknown; version: number }>()
  readonly nodes = new Map<string, NodeRecord>()
  private readonly channelsOfPerson = new Map<number, Set<ChannelRecord>>()
  private readonly statements = new Map<string, Database.Statement>()
  private readonly db: Database.Database

  constructor(db: Database.Database) {
    this.db = db
  }

  /** Reads everything; used at start and after a rolled-back batch. */
  load(): void {
    for (const map of [
      this.people,
      this.peopleByNo,
      this.peopleByName,
      this.groups,
      this.channels,
      this.channelsByNo,
      this.sessions,
      this.sessionsByHash,
      this.devices,
      this.devicesByThumbprint,
      this.settings,
      this.nodes,
      this.channelsOfPerson,
    ]) {
      map.clear()
    }
    for (const row of this.all<PersonRow>('SELECT * FROM person')) this.putPerson(row)
    for (const row of this.all<GroupRow>('SELECT * FROM "group"')) this.putGroup(row)
    for (const row of this.all<ChannelRow>('SELECT * FROM channel')) this.putChannel(row)
    for (const row of this.all<SessionRecord>('SELECT * FROM session')) this.putSession(row)
    for (const row of this.all<DeviceRecord>('SELECT * FROM device')) this.putDevice(row)
    for (const row of this.all<SettingRow>('SELECT * FROM setting')) this.putSetting(row)
    for (const row of this.all<NodeRecord>(nodeSql)) this.nodes.set(row.id, row)
  }

  /** Reads one record again, or forgets it when its row is gone. */
  refresh(kind: RecordKind, id: string): void {
    if (kind === 'person') this.refreshPerson(id)
    else if (kind === 'group') this.refreshGroup(id)
    else if (kind === 'channel') this.refreshChannel(id)
    else if (kind === 'session') this.refreshSession(id)
    else if (kind === 'device') this.refreshDevice(id)
    else if (kind === 'setting') {
      const row = this.one<SettingRow>('SELECT * FROM setting WHERE key = ?', id)
      if (row) this.putSetting(row)
      else this.settings.delete(id)
    } else if (kind === 'node') {
      const row = this.one<NodeRecord>(`${nodeSql} WHERE id = ?`, id)
      if (row) this.nodes.set(id, row)
      else this.nodes.delete(id)
    }
  }

  /** Channels that the person is a member of. */
  channelsOf(personNo: number): ReadonlySet<ChannelRecord> {
    return this.channelsOfPerson.get(personNo) ?? emptyChannels
  }

  setting<T>(key: string, fallback: T): T {
    return (this.settings.get(key)?.value as T | undefined) ?? fallback
  }

  /** A person by id or login name. */
  findPerson(reference: string): PersonRecord | undefined {
    return this.people.get(reference) ?? this.peopleByName.get(reference.toLowerCase())
  }

  private refreshPerson(id: string): void {
    const row = this.one<PersonRow>('SELECT * FROM person WHERE id = ?', id)
    const old = this.people.get(id)
    if (old) {
      this.peopleByNo.delete(old.no)
      this.peopleByName.delete(old.name)
      this.people.delete(id)
    }
    if (row) this.putPerson(row)
  }

  private refreshGroup(id: string): void {
    const row = this.one<GroupRow>('SELECT * FROM "group" WHERE id = ?', id)
    this.groups.delete(id)
    if (row) this.putGroup(row)
  }

  private refreshChannel(id: string): void {
    const row = this.one<ChannelRow>('SELECT * FROM channel WHERE id = ?', id)
    const old = this.channels.get(id)
    if (old) {
      for (const personNo of old.members.keys()) this.channelsOfPerson.get(personNo)?.delete(old)
      this.channels.delete(id)
      this.channelsByNo.delete(old.no)
    }
    if (row) this.putChannel(row)
  }

  private refreshSession(id: string): void {
    const row = this.one<SessionRecord>('SELECT * FROM session WHERE id = ?', id)
    const old = this.sessions.get(id)
    if (old) {
      this.sessions.delete(id)
      this.sessionsByHash.delete(old.tokenHash)
    }
    if (row) this.putSession(row)
  }

  private refreshDevice(id: string): void {
    const row = this.one<DeviceRecord>('SELECT * FROM device WHERE id = ?', id)
    const old = this.devices.get(id)
    if (old) {
      this.devices.delete(id)
      this.devicesByThumbprint.delete(old.thumbprint)
    }
    if (row) this.putDevice(row)
  }

  private putPerson(row: PersonRow): void {
    const {
      id,
      no,
      name,
      displayName,
      role,
      kind,
      status,
      failedLogins,
      lockedUntil,
      createdAt,
      lastSeenAt,
    } = row
    const person: PersonRecord = {
      id,
      no,
      name,
      displayName,
      role,
      kind,
      status,
      mustChange: Boolean(row.mustChange),
      failedLogins,
      lockedUntil,
      createdAt,
      lastSeenAt,
    }
    this.people.set(person.id, person)
    this.peopleByNo.set(person.no, person)
    this.peopleByName.set(person.name, person)
  }

  private putGroup(row: GroupRow): void {
    const { id, name, description, createdAt } = row
    const members = this.all<{ personId: string }>(
      'SELECT personId FROM group_member WHERE groupId = ?',
      id,
    ).map((m) => m.personId)
    this.groups.set(id, { id, name, description, createdAt, members: new Set(members) })
  }

  private putChannel(row: ChannelRow): void {
    const {
      id,
      no,
      kind,
      name,
      topic,
      directKey,
      head,
      floor,
      lastAt,
      retentionDays,
      archivedAt,
      createdBy,
      createdAt,
    } = row
    const members = new Map<number, Membership>()
    const byGroup =
      'SELECT p.no, g.groupId FROM channel_group c JOIN group_member g ON g.groupId = c.groupId JOIN person p ON p.id = g.personId WHERE c.channelId = ? ORDER BY g.groupId DESC'
    for (const m of this.all<{ no: number; groupId: string }>(byGroup, id))
      members.set(m.no, { role: 'member', via: m.groupId })
    for (const m of this.all<{ no: number; role: MemberRole }>(
      'SELECT p.no, m.role FROM channel_member m JOIN person p ON p.id = m.personId WHERE m.channelId = ?',
      id,
    )) {
      members.set(m.no, { role: m.role, via: null })
    }
    const channel: ChannelRecord = {
      id,
      no,
      kind,
      name,
      topic,
      directKey,
      head,
      floor,
      lastAt,
      retentionDays,
      archivedAt,
      createdBy,
      createdAt,
      members,
    }
    this.channels.set(channel.id, channel)
    this.channelsByNo.set(channel.no, channel)
    for (const personNo of members.keys()) {
      const mine = this.channelsOfPerson.get(personNo)
      if (mine) mine.add(channel)
      else this.channelsOfPerson.set(personNo, new Set([channel]))
    }
  }

  private putSession(row: SessionRecord): void {
    const { id, personId, tokenHash, deviceId, userAgent, remote, createdAt, expiresAt } = row
    const session: SessionRecord = {
      id,
      personId,
      tokenHash,
      deviceId,
      userAgent,
      remote,
      createdAt,
      expiresAt,
    }
    this.sessions.set(session.id, session)
    this.sessionsByHash.set(session.tokenHash, session)
  }

  private putDevice(row: DeviceRecord): void {
    const { id, personId, name, platform, site, thumbprint, status, expiresAt, lastSeenAt } = row
    const device: DeviceRecord = {
      id,
      personId,
      name,
      platform,
      site,
      thumbprint,
      status,
      expiresAt,
      lastSeenAt,
    }
    this.devices.set(device.id, device)
    this.devicesByThumbprint.set(device.thumbprint, device)
  }

  private putSetting(row: SettingRow): void {
    this.settings.set(row.key, { value: JSON.parse(row.value), version: row.version })
  }

  private all<T>(sql: string, ...args: unknown[]): T[] {
    return this.statement(sql).all(...args) as T[]
  }

  private one<T>(sql: string, id: string): T | undefined {
    return this.statement(sql).get(id) as T | undefined
  }

  private statement(sql: string): Database.Statement {
    let statement = this.statements.get(sql)
    if (statement === undefined) {
      statement = this.db.prepare(sql)
      this.statements.set(sql, statement)
    }
    return statement
  }
}

const nodeSql =
  'SELECT id, name, site, fingerprint, addedAt, address, httpsPort, peerPort, raftPort, memberId, version, auditKey FROM node'
const emptyChannels: ReadonlySet<ChannelRecord> = new Set()

/** Whether the person may write in the channel: in direct, group and open channels every member; else posters and managers. */
export function mayPost(channel: ChannelRecord, personNo: number): boolean {
  const membership = channel.members.get(personNo)
  if (membership === undefined || channel.archivedAt !== null) return false
  return channel.kind !== 'announcement' || membership.role !== 'member'
}
