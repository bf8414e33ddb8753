/** What procedures take, validated at the border. */
import * as z from 'zod'
import { limits } from './limits.ts'
import {
  channelKindSchema,
  displayNameSchema,
  idSchema,
  lineSchema,
  nameSchema,
  passwordSchema,
  roleSchema,
  seqSchema,
} from './names.ts'

export const idInput = z.object({ id: idSchema })
/** A person or group by id or by name. */
const reference = z.union([idSchema, nameSchema])
const references = z.array(reference).max(limits.listRows)

export const listQuery = z
  .object({
    text: lineSchema(limits.searchLength).optional(),
    offset: z.int().min(0).max(10_000_000).default(0),
    limit: z.int().min(1).max(limits.listRows).default(50),
  })
  .prefault({})
export type ListQuery = z.infer<typeof listQuery>

const setupCodeSchema = z.string().max(32)
export const setupCodeInput = z.object({ code: setupCodeSchema })
export const setupInput = z.object({
  code: setupCodeSchema,
  facility: displayNameSchema,
  nodeName: nameSchema,
  owner: nameSchema,
  displayName: displayNameSchema.optional(),
  password: passwordSchema,
})
export type SetupInput = z.infer<typeof setupInput>

export const loginInput = z.object({
  name: z.string().min(1).max(limits.nameLength),
  password: passwordSchema,
  /** DPoP proof (RFC 9449) for this request with the device's key: the session is bound to that device. */
  proof: z.string().max(4096).optional(),
  /** Asks for the token as a `__Host-` cookie instead of in the answer. */
  cookie: z.boolean().default(false),
})
export type LoginInput = z.infer<typeof loginInput>

export const recoverInput = z.object({
  name: z.string().min(1).max(limits.nameLength),
  code: z.string().min(1).max(64),
  newPassword: passwordSchema,
  cookie: z.boolean().default(false),
})
export type RecoverInput = z.infer<typeof recoverInput>

export const changePasswordInput = z.object({ current: passwordSchema, next: passwordSchema })
export type ChangePasswordInput = z.infer<typeof changePasswordInput>

export const renewRecoveryCodesInput = z.object({ password: passwordSchema })

export const peopleQuery = z
  .object({
    ...listQuery.unwrap().shape,
    role: roleSchema.optional(),
    status: z.enum(['active', 'suspended', 'erased']).optional(),
  })
  .prefault({})
export type PeopleQuery = z.infer<typeof peopleQuery>

export const personAdd = z.object({
  name: nameSchema,
  displayName: displayNameSchema.optional(),
  role: roleSchema.default('member'),
  kind: z.enum(['person', 'service']).default('person'),
  password: passwordSchema.optional(),
  /** Makes the person choose a new password at the first login. */
  mustChange: z.boolean().default(false),
})
export type PersonAdd = z.infer<typeof personAdd>

export const personUpdate = z.object({ id: idSchema, displayName: displayNameSchema })
export type PersonUpdate = z.infer<typeof personUpdate>
export const setRoleInput = z.object({ id: idSchema, role: roleSchema })
export const setPassword = z.object({
  id: idSchema,
  password: passwordSchema,
  mustChange: z.boolean().default(true),
})
export type SetPassword = z.infer<typeof setPassword>
export const importCsvInput = z.object({ csv: z.string().max(limits.httpBodyBytes) })

export const groupCreate = z.object({
  name: nameSchema,
  description: lineSchema(limits.topicLength).default(''),
  members: references.default([]),
})
export type GroupCreate = z.infer<typeof groupCreate>
export const groupUpdate = z.object({
  id: idSchema,
  name: nameSchema.optional(),
  description: lineSchema(limits.topicLength).optional(),
})
export type GroupUpdate = z.infer<typeof groupUpdate>
export const membersInput = z.object({ id: idSchema, members: references.min(1) })
export type MembersInput = z.infer<typeof membersInput>

const retention = z.int().min(1).max(limits.retentionDaysMax).nullable()
export const channelsQuery = z
  .object({
    ...listQuery.unwrap().shape,
    kind: channelKindSchema.optional(),
    archived: z.boolean().optional(),
  })
  .prefault({})
export type ChannelsQuery = z.infer<typeof channelsQuery>
export const channelCreate = z.object({
  name: nameSchema,
  kind: z.enum(['group', 'open', 'announcement']),
  topic: lineSchema(limits.topicLength).default(''),
  members: references.default([]),
  groups: references.default([]),
  retentionDays: retention.optional(),
})
export type ChannelCreate = z.infer<typeof channelCreate>
export const channelUpdate = z.object({
  id: idSchema,
  name: nameSchema.optional(),
  topic: lineSchema(limits.topicLength).optional(),
  retentionDays: retention.optional(),
})
export type ChannelUpdate = z.infer<typeof channelUpdate>
export const directInput = z.object({ person: reference })
export const channelMembers = z.object({
  id: idSchema,
  members: references.default([]),
  groups: references.default([]),
})
export type ChannelMembers = z.infer<typeof channelMembers>
export const channelMemberRole = z.object({
  id: idSchema,
  person: idSchema,
  role: z.enum(['member', 'poster', 'manager']),
})
export type ChannelMemberRole = z.infer<typeof channelMemberRole>

export const messagesPage = z.object({
  channel: idSchema,
  before: seqSchema.optional(),
  after: seqSchema.optional(),
  limit: z.int().min(1).max(limits.pageEntries).default(50),
})
export type MessagesPage = z.infer<typeof messagesPage>
export const messagesSearch = z.object({
  text: z.string().trim().min(1).max(limits.searchLength),
  channel: idSchema.optional(),
  from: idSchema.optional(),
  offset: z.int().min(0).max(10_000).default(0),
  limit: z.int().min(1).max(100).default(30),
})
export type MessagesSearch = z.infer<typeof messagesSearch>
export const channelInput = z.object({ channel: idSchema })

export const deviceEnrol = z.object({
  name: displayNameSchema,
  platform: lineSchema(limits.nameLength).default(''),
  /** DPoP proof over the challenge's nonce, with the device's public key in its header. */
  proof: z.string().min(1).max(4096),
})
export type DeviceEnrol = z.infer<typeof deviceEnrol>
export const devicesQuery = z
  .object({
    ...listQuery.unwrap().shape,
    status: z.enum(['pending', 'approved', 'revoked']).optional(),
    person: idSchema.optional(),
  })
  .prefault({})
export type DevicesQuery = z.infer<typeof devicesQuery>
export const deviceRevoke = z.object({ id: idSchema, reason: lineSchema(limits.topicLength).optional() })
export const deviceUpdate = z.object({
  id: idSchema,
  name: displayNameSchema.optional(),
  site: lineSchema(limits.nameLength).optional(),
  tags: z.array(lineSchema(32).min(1)).max(16).optional(),
})
export type DeviceUpdate = z.infer<typeof deviceUpdate>

export const presenceHere = z
  .object({
    /** Nobody has touched the page for a while. */
    away: z.boolean().default(false),
  })
  .prefault({})
export type PresenceHere = z.infer<typeof presenceHere>

export const auditQuery = z
  .object({
    ...listQuery.unwrap().shape,
    /** Exact action, or a prefix that ends in a dot. */
    action: z.string().max(64).optional(),
    actor: z.string().max(64).optional(),
    target: z.string().max(64).optional(),
    from: z.int().min(0).optional(),
    to: z.int().min(0).optional(),
  })
  .prefault({})
export type AuditQuery = z.infer<typeof auditQuery>
export const seqInput = z.object({ seq: seqSchema })
export const auditVerifyAgainst = z.object({
  /** A checkpoint that was kept elsewhere; the log has to agree with it. */
  checkpoint: z.string().max(limits.checkpointBytes),
})
export type AuditVerifyAgainst = z.infer<typeof auditVerifyAgainst>
export const auditCheckpoint = z
  .object({
    /** Size of an older checkpoint; the answer proves that the newest continues it. */
    from: seqSchema.optional(),
  })
  .prefault({})
export type AuditCheckpoint = z.infer<typeof auditCheckpoint>
export const auditExport = z.object({
  fromSeq: seqSchema.default(1),
  limit: z.int().min(1).max(5000).default(1000),
})
export type AuditExport = z.infer<typeof auditExport>

export const settingsUpdate = z.object({
  version: z.int().min(0),
  facility: displayNameSchema.optional(),
  deviceApproval: z.enum(['auto', 'manual']).optional(),
  deviceRequired: z.boolean().optional(),
  sessionDays: z.int().min(1).max(365).optional(),
  lockoutAttempts: z.int().min(3).max(100).optional(),
  passwordMinLength: z.int().min(8).max(128).optional(),
  defaultRetentionDays: retention.optional(),
})
export type SettingsUpdate = z.infer<typeof settingsUpdate>
export const nodeSettingsSchema = z.object({
  discovery: z.object({
    enabled: z.boolean(),
    mdns: z.boolean(),
    beacon: z.boolean(),
    interfaces: z.union([z.literal('lan'), z.array(z.string().max(32)).max(64)]),
    staticPeers: z
      .array(
        z
          .string()
          .max(260)
          .regex(/^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$/, 'write host:port'),
      )
      .max(64),
  }),
})
