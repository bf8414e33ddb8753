/** What the state knows of backups: settings, the newest of each node, and what was proven. */

import type { BackupMade } from '@holdfast/api/backup-services'
import type { BackupSettingsInput } from '@holdfast/api/contract/backup-inputs'
import { type Handler, refuse } from '../../state/applying.ts'
import { beginBranch, branchSetting } from '../../state/branches.ts'
import { storeSetting } from '../../state/store-setting.ts'

export const backupSettingKeys = {
  settings: 'backup',
  made: 'backup-made',
  proofs: 'backup-proofs',
} as const

export interface Proof {
  at: number
  file: string
  index: number
}
/** By SHA-256 of the file. */
export type Proofs = Record<string, Proof>

/** Proofs that are kept: more than a facility keeps backups. */
export const keptProofs = 200

type Change = Omit<BackupSettingsInput, 'version'> & { recipient?: string }

const configure: Handler<{ version: number; change: Change }> = (applying, p, actor) => {
  const current = applying.directory.settings.get(backupSettingKeys.settings)
  if ((current?.version ?? 0) !== p.version)
    refuse('conflict', 'Somebody changed the settings of backups meanwhile; look at them again.')
  const before = (current?.value ?? {}) as Record<string, unknown>
  // The schedule counts from here on where no backup was made yet.
  const since = p.change.schedule === undefined ? {} : { scheduledAt: applying.at }
  storeSetting(applying, backupSettingKeys.settings, { ...before, ...p.change, ...since })
  const { recipient } = p.change
  applying.audit(actor, {
    action: recipient === undefined ? 'backup.settings-changed' : 'backup.key-set',
    target: 'facility',
    detail: Object.fromEntries(
      Object.entries(p.change).map(([key, after]) => [key, { before: before[key] ?? null, after }]),
    ),
  })
}

/** A node made a backup. */
const made: Handler<Omit<BackupMade, 'at'> & { caughtUp: boolean; scheduled: boolean }> = (
  applying,
  { caughtUp, scheduled, ...p },
  actor,
) => {
  const known = applying.directory.setting<Record<string, BackupMade>>(backupSettingKeys.made, {})
  const { nodes } = applying.directory
  const members = Object.entries(known).filter(([id]) => nodes.has(id))
  storeSetting(applying, backupSettingKeys.made, {
    ...Object.fromEntries(members),
    [p.node]: { ...p, at: applying.at },
  })
  applying.audit(actor, {
    action: 'backup.created',
    target: p.node,
    detail: { file: p.file, bytes: p.bytes, index: p.index, sha256: p.sha256, caughtUp, scheduled },
  })
}

const failed: Handler<{ node: string; reason: string; scheduled: boolean }> = (applying, p, actor) => {
  applying.audit(actor, {
    action: 'backup.failed',
    target: p.node,
    detail: { reason: p.reason.slice(0, 500), scheduled: p.scheduled },
  })
}

const proven: Handler<{ file: string; sha256: string; index: number; auditSeq: number }> = (
  applying,
  p,
  actor,
) => {
  const known = applying.directory.setting<Proofs>(backupSettingKeys.proofs, {})
  const all = Object.entries({ ...known, [p.sha256]: { at: applying.at, file: p.file, index: p.index } })
  const newest = all.toSorted(([, a], [, b]) => b.at - a.at).slice(0, keptProofs)
  storeSetting(applying, backupSettingKeys.proofs, Object.fromEntries(newest))
  applying.audit(actor, {
    action: 'backup.proven',
    target: p.sha256.slice(0, 16),
    detail: { file: p.file, sha256: p.sha256, index: p.index, auditSeq: p.auditSeq },
  })
}

export interface RestoredPayload {
  node: { id: string; name: string; fingerprint: string; certificate: string }
  /** When and where the backup was made, and what it holds. */
  createdAt: number
  madeBy: string
  index: number
  auditSeq: number
  sha256: string
}

/**
 * The state goes on alone on other hardware: its node is the only one, nobody is signed in. Sessions end because those
 * that were ended after the backup would be open again; devices keep their certificates. What came after the backup is
 * lost and its sequences are given again: the node's new id names the branch on which they are.
 */
const restored: Handler<RestoredPayload> = (applying, p, actor) => {
  const { directory } = applying
  const nodes = [...directory.nodes.values()]
  if (nodes.some((node) => node.id === p.node.id))
    refuse('conflict', 'A backup is restored under a node id of its own.')
  for (const { id } of nodes) {
    applying.run('DELETE FROM node WHERE id = ?', id)
    applying.changed('node', id)
  }
  applying.run(
    'INSERT INTO node (id, name, fingerprint, certificate, addedAt) VALUES (?, ?, ?, ?, ?)',
    p.node.id,
    p.node.name,
    p.node.fingerprint,
    p.node.certificate,
    applying.at,
  )
  applying.changed('node', p.node.id)
  const sessions = [...directory.sessions.keys()]
  for (const id of sessions) {
    applying.run('DELETE FROM session WHERE id = ?', id)
    applying.changed('session', id)
  }
  // Whoever holds one would join a facility that has changed its place.
  applying.run('DELETE FROM invitation WHERE usedAt IS NULL')
  storeSetting(applying, backupSettingKeys.made, {})
  beginBranch(applying.db, { id: p.node.id, at: applying.at })
  applying.changed('setting', branchSetting)
  applying.audit(actor, {
    action: 'backup.restored',
    target: p.node.id,
    detail: {
      name: p.node.name,
      createdAt: p.createdAt,
      madeBy: p.madeBy,
      index: p.index,
      auditSeq: p.auditSeq,
      sha256: p.sha256,
      removed: nodes.map((node) => node.name).join(', '),
      sessionsEnded: sessions.length,
    },
  })
}

export const backupHandlers = {
  'backup.configure': configure,
  'backup.made': made,
  'backup.failed': failed,
  'backup.proven': proven,
  'backup.restored': restored,
}
