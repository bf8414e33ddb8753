/** Inputs of the calls about backups. */
import * as z from 'zod'

export const backupScheduleSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('off') }),
  z.object({
    kind: z.literal('daily'),
    /** Local time of the node. */
    at: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'write a time such as 02:30'),
  }),
  z.object({ kind: z.literal('hours'), every: z.int().min(1).max(168) }),
])
export type BackupSchedule = z.output<typeof backupScheduleSchema>

/** Public half of an age X25519 key: Bech32 of 32 bytes. */
export const recipientSchema = z
  .string()
  .trim()
  .regex(/^age1[02-9ac-hj-np-z]{58}$/, 'is no public recovery key: it begins with age1 and has 62 characters')

export const backupKeep = { least: 1, usual: 7, most: 365 } as const

export const backupSettingsInput = z.object({
  /** Refuses a stale writer. */
  version: z.int().min(0),
  schedule: backupScheduleSchema.optional(),
  /** `leader`: one node, which is the leader at that time. `all`: every node for itself. */
  nodes: z.enum(['leader', 'all']).optional(),
  /** Newest backups of a node that its folder keeps. */
  keep: z.int().min(backupKeep.least).max(backupKeep.most).optional(),
})
export type BackupSettingsInput = z.output<typeof backupSettingsInput>

export const backupKeyInput = z.object({ version: z.int().min(0), recipient: recipientSchema })
export type BackupKeyInput = z.output<typeof backupKeyInput>

export const backupProofInput = z.object({
  file: z.string().min(1).max(255),
  /** Of the file, as its last line has it. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  index: z.int().min(0),
  auditSeq: z.int().min(0),
})
export type BackupProofInput = z.output<typeof backupProofInput>
