/** The interfaces that the routers call; the node implements them. All times are milliseconds since 1970. */
import type { BackupService } from './backup-services.ts'
import type { ClusterService } from './cluster-services.ts'
import type { Entry, PresenceState } from './contract/frames.ts'
import type * as input from './contract/inputs.ts'
import type { ChannelKind } from './contract/names.ts'
import type { Role } from './contract/policy.ts'
import type { UpdatesService } from './update-services.ts'

/** Who is calling: a live session, checked on this very request. */
export interface Caller {
  sessionId: string
  personId: string
  name: string
  displayName: string
  role: Role
  deviceId: string | null
  remote: string
  /** The password was set by somebody else: until it is changed, nothing else is allowed. */
  mustChange?: true
}

/** Where a call without a session came from. */
export interface Origin {
  remote: string
  userAgent: string
}

export interface Page<T> {
  rows: T[]
  /** Rows that match, over all pages. */
  total: number
}

export interface PersonView {
  id: string
  name: string
  displayName: string
  role: Role
  kind: 'person' | 'service'
  status: 'active' | 'suspended' | 'erased'
  lockedUntil: number | null
  mustChange: boolean
  createdAt: number
  lastSeenAt: number | null
  presence: 'online' | 'away' | 'offline'
}

export interface PersonDetail extends PersonView {
  groups: { id: string; name: string }[]
  channels: { id: string; name: string | null; kind: ChannelKind }[]
  devices: DeviceView[]
  sessions: SessionView[]
}

export interface SessionView {
  id: string
  personId: string
  personName: string
  deviceId: string | null
  deviceName: string | null
  userAgent: string
  remote: string
  createdAt: number
  expiresAt: number
  current: boolean
}

export interface GroupView {
  id: string
  name: string
  description: string
  createdAt: number
  members: { id: string; name: string; displayName: string }[]
}

export interface ChannelView {
  id: string
  name: string | null
  /** What to show: the name, or for a direct channel the people's names. */
  title: string
  kind: ChannelKind
  topic: string
  head: number
  floor: number
  lastAt: number | null
  retentionDays: number | null
  archived: boolean
  memberCount: number
  /** Whether the caller is a member. */
  joined: boolean
  createdAt: number
}

export interface ChannelDetail extends ChannelView {
  members: {
    id: string
    name: string
    displayName: string
    role: 'member' | 'poster' | 'manager'
    /** Name of the group that brings the person in; null: added by name. */
    via: string | null
    delivered: number
    read: number
  }[]
  groups: { id: string; name: string }[]
}

export interface DeviceView {
  id: string
  personId: string
  personName: string
  /** Decides with the caller's own role whether he may revoke it (`mayRevokeDeviceOf`). */
  personRole: Role
  name: string
  platform: string
  site: string
  status: 'pending' | 'approved' | 'revoked'
  thumbprint: string
  serial: string | null
  tags: string[]
  expiresAt: number | null
  enrolledAt: number
  decidedAt: number | null
  decidedBy: string | null
  lastSeenAt: number | null
  presence: 'online' | 'away' | 'offline'
}

export interface DeviceDetail extends DeviceView {
  certificate: string | null
}

export interface AuditView {
  seq: number
  at: number
  actor: string
  actorName: string
  action: string
  target: string
  outcome: 'done' | 'refused'
  remote: string
  detail: Record<string, unknown>
  hash: string
}

export interface AuditVerdict {
  ok: boolean
  events: number
  segments: number
  /** Hash of the newest event, hex. */
  head: string
  /** Signed checkpoints that agree with the events. */
  checkpoints: number
  /** The checkpoint that was given along, and the names of the nodes that signed it; null without one to believe. */
  against: { size: number; signedBy: string[] } | null
  /** Each place that does not verify, in one sentence with file, line and byte. */
  faults: string[]
  tookMs: number
}

/** A signed checkpoint of the audit log. */
export interface CheckpointView {
  /** Events that it covers. */
  size: number
  /** Root of the Merkle tree (RFC 6962) over them, base64. */
  root: string
  at: number
  /** The signed note (C2SP tlog-checkpoint) with all its lines, to be kept elsewhere. */
  note: string
  /** Nodes whose signatures verify; `at` is null for the node that made it, which signs without a time. */
  signatures: { node: string; name: string; isMaker: boolean; at: number | null }[]
}

export interface CheckpointStatus {
  newest: CheckpointView | null
  /** Every node and the key that verifies its lines (C2SP signed-note); null: it has published none yet. */
  nodes: { id: string; name: string; key: string | null }[]
  /** Nodes whose events are not those of a checkpoint, and the first one that they could not confirm. */
  disputes: { node: string; name: string; size: number; at: number }[]
  /** Hashes in base64 that prove that the newest continues the tree of the size that was asked for; null: none was. */
  consistency: string[] | null
}

/** Proof that an event is in the log; `holdfast audit check-proof` checks it without a node. */
export interface AuditProof {
  format: 'holdfast-audit-proof'
  version: 1
  seq: number
  /** Exact text of the event. */
  event: string
  /** Inclusion proof (RFC 6962 section 2.1.1), base64. */
  path: string[]
  /** The signed checkpoint whose tree has the event. */
  checkpoint: string
  /** Keys of the nodes as this node knows them. */
  keys: string[]
}

export interface Alert {
  level: 'info' | 'warning' | 'alert'
  code: string
  message: string
  since: number
}

/** One moment of the node, for Overview. Rates are per second over the last interval. */
export interface LiveSample {
  at: number
  messagesPerSecond: number
  deliveriesPerSecond: number
  commandsPerSecond: number
  connections: number
  peopleOnline: number
  /** Median and 99th percentile of the time from a send frame to its acknowledgement, in ms; null without sends. */
  ackP50Ms: number | null
  ackP99Ms: number | null
  rssBytes: number
  cpuPercent: number
  eventLoopP99Ms: number
  logIndex: number
}

export interface StatusView {
  facility: string
  nodeId: string
  nodeName: string
  version: string
  mode: 'single' | 'cluster'
  caFingerprint: string
  startedAt: number
  now: number
  people: number
  devices: { approved: number; pending: number }
  channels: number
  messages: number
  dataBytes: number
  diskFreeBytes: number
  diskTotalBytes: number
  logIndex: number
  stateChain: string
  auditEvents: number
  auditHead: string
  searchLag: number
  addresses: string[]
  certificateExpiresAt: number
  alerts: Alert[]
  sample: LiveSample
  /** The newest samples, oldest first, one a second, at most 300. */
  history: LiveSample[]
}

export interface FacilitySettings {
  facility: string
  deviceApproval: 'auto' | 'manual'
  /** Whether messaging demands an approved device. */
  deviceRequired: boolean
  sessionDays: number
  lockoutAttempts: number
  passwordMinLength: number
  defaultRetentionDays: number | null
  /** Refuses a stale writer. */
  version: number
}

export interface NodeSettings {
  discovery: {
    enabled: boolean
    mdns: boolean
    beacon: boolean
    interfaces: 'lan' | string[]
    staticPeers: string[]
  }
}

export interface NodeSettingsView extends NodeSettings {
  interfaces: { name: string; addresses: string[]; announced: boolean; reason: string }[]
}

export interface PeerView {
  nodeId: string
  name: string
  facility: string
  addresses: string[]
  port: number
  origin: string
  verified: boolean
  lastSeenAt: number
  self: boolean
  /** Whether it holds a facility already; absent: it does not say. */
  setUp?: boolean
}

export interface SearchHit extends Entry {
  channelTitle: string
  fromName: string
  /** Text around the hit; hits stand between U+2068 and U+2069. */
  snippet: string
}

export interface LoginResult {
  /** Absent when the token went out as a cookie. */
  token?: string
  sessionId: string
  person: { id: string; name: string; displayName: string; role: Role }
  mustChange: boolean
  deviceId: string | null
  deviceStatus: 'approved' | 'pending' | null
  expiresAt: number
}

export interface Services {
  /** The other members of the cluster, for whoever needs one when this node is away. Absent on a node that is alone. */
  others?: () => { name: string; url: string }[]
  security: {
    /** Notes that the caller tried what his role may not. */
    refused(caller: Caller, action: string): void
  }
  setup: {
    state(): {
      setUp: boolean
      nodeName: string
      facility: string | null
      caFingerprint: string
      version: string
    }
    /** Whether the code is right, before anything else is asked; a try counts like one of `complete`. */
    checkCode(value: { code: string }, origin: Origin): void
    complete(
      value: input.SetupInput,
      origin: Origin,
    ): Promise<{
      login: LoginResult
      recoveryCodes: string[]
      caFingerprint: string
      facility: string
      nodeName: string
    }>
  }
  auth: {
    login(value: input.LoginInput, origin: Origin): Promise<LoginResult & { token: string }>
    recover(value: input.RecoverInput, origin: Origin): Promise<LoginResult & { token: string }>
    logout(caller: Caller): Promise<void>
    changePassword(value: input.ChangePasswordInput, caller: Caller): Promise<void>
    /** New codes in place of all the caller had, for whoever shows his password again. */
    renewRecoveryCodes(value: { password: string }, caller: Caller): Promise<{ recoveryCodes: string[] }>
    sessions(caller: Caller): Promise<SessionView[]>
    endSession(value: { id: string }, caller: Caller): Promise<void>
  }
  overview: {
    status(): Promise<StatusView>
    live(signal: AbortSignal): AsyncIterable<LiveSample & { alerts: Alert[] }>
  }
  presence: {
    list(): PresenceState[]
    live(signal: AbortSignal): AsyncIterable<PresenceState[]>
    attend(caller: Caller, value: input.PresenceHere, signal: AbortSignal): AsyncIterable<'here'>
  }
  people: {
    list(query: input.PeopleQuery, caller: Caller): Promise<Page<PersonView>>
    get(value: { id: string }, caller: Caller): Promise<PersonDetail>
    add(value: input.PersonAdd, caller: Caller): Promise<PersonView>
    update(value: input.PersonUpdate, caller: Caller): Promise<PersonView>
    setRole(value: { id: string; role: Role }, caller: Caller): Promise<PersonView>
    setPassword(value: input.SetPassword, caller: Caller): Promise<void>
    suspend(value: { id: string }, caller: Caller): Promise<void>
    resume(value: { id: string }, caller: Caller): Promise<void>
    unlock(value: { id: string }, caller: Caller): Promise<void>
    erase(value: { id: string }, caller: Caller): Promise<void>
    endSessions(value: { id: string }, caller: Caller): Promise<void>
    importCsv(
      value: { csv: string },
      caller: Caller,
    ): Promise<{
      added: { name: string; password: string | null }[]
      refused: { line: number; why: string }[]
    }>
  }
  groups: {
    list(query: input.ListQuery): Promise<Page<GroupView>>
    create(value: input.GroupCreate, caller: Caller): Promise<GroupView>
    update(value: input.GroupUpdate, caller: Caller): Promise<GroupView>
    remove(value: { id: string }, caller: Caller): Promise<void>
    addMembers(value: input.MembersInput, caller: Caller): Promise<GroupView>
    removeMembers(value: input.MembersInput, caller: Caller): Promise<GroupView>
  }
  channels: {
    /** Channels the caller is in, and open ones. */
    list(query: input.ListQuery, caller: Caller): Promise<Page<ChannelView>>
    /** Every channel that is not direct. */
    listAll(query: input.ChannelsQuery, caller: Caller): Promise<Page<ChannelView>>
    get(value: { id: string }, caller: Caller): Promise<ChannelDetail>
    create(value: input.ChannelCreate, caller: Caller): Promise<ChannelView>
    direct(value: { person: string }, caller: Caller): Promise<ChannelView>
    update(value: input.ChannelUpdate, caller: Caller): Promise<ChannelView>
    archive(value: { id: string }, caller: Caller): Promise<void>
    unarchive(value: { id: string }, caller: Caller): Promise<void>
    addMembers(value: input.ChannelMembers, caller: Caller): Promise<ChannelDetail>
    removeMembers(value: input.ChannelMembers, caller: Caller): Promise<ChannelDetail>
    setMemberRole(value: input.ChannelMemberRole, caller: Caller): Promise<ChannelDetail>
    join(value: { id: string }, caller: Caller): Promise<ChannelView>
    leave(value: { id: string }, caller: Caller): Promise<void>
  }
  messages: {
    page(
      value: input.MessagesPage,
      caller: Caller,
    ): Promise<{ entries: Entry[]; floor: number; head: number; more: boolean }>
    search(
      value: input.MessagesSearch,
      caller: Caller,
    ): Promise<{ hits: SearchHit[]; more: boolean; lag: number }>
    marks(
      value: { channel: string },
      caller: Caller,
    ): Promise<{ person: string; name: string; delivered: number; read: number }[]>
  }
  devices: {
    challenge(caller: Caller): Promise<{ nonce: string; expiresAt: number }>
    enrol(value: input.DeviceEnrol, caller: Caller): Promise<DeviceDetail>
    mine(caller: Caller): Promise<DeviceDetail[]>
    list(query: input.DevicesQuery, caller: Caller): Promise<Page<DeviceView>>
    get(value: { id: string }, caller: Caller): Promise<DeviceDetail>
    approve(value: { id: string }, caller: Caller): Promise<DeviceView>
    revoke(value: { id: string; reason?: string }, caller: Caller): Promise<DeviceView>
    update(value: input.DeviceUpdate, caller: Caller): Promise<DeviceView>
  }
  audit: {
    search(query: input.AuditQuery, caller: Caller): Promise<Page<AuditView>>
    get(value: { seq: number }, caller: Caller): Promise<AuditView>
    verify(caller: Caller, against?: string): Promise<AuditVerdict>
    checkpoint(value: input.AuditCheckpoint, caller: Caller): Promise<CheckpointStatus>
    takeCheckpoint(caller: Caller): Promise<CheckpointStatus>
    prove(value: { seq: number }, caller: Caller): Promise<AuditProof>
    /** One page of the export: a line an event, its hash and its JSON text, exactly as in the segment files. */
    export(value: input.AuditExport, caller: Caller): Promise<{ lines: string; nextSeq: number | null }>
  }
  settings: {
    get(): FacilitySettings
    update(value: input.SettingsUpdate, caller: Caller): Promise<FacilitySettings>
    node(): NodeSettingsView
    updateNode(value: NodeSettings, caller: Caller): Promise<NodeSettingsView>
  }
  discovery: {
    peers(): PeerView[]
  }
  cluster: ClusterService
  backups: BackupService
  updates: UpdatesService
}
