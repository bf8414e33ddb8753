/** What a node tells about backups and does for them. All times are milliseconds since 1970. */
import type * as input from './contract/backup-inputs.ts'
import type { Caller } from './services.ts'

export interface BackupSettings {
  /** Public half of the recovery key; null: none was made, and no backup can be. */
  recipient: string | null
  schedule: input.BackupSchedule
  nodes: 'leader' | 'all'
  keep: number
  /** Refuses a stale writer. */
  version: number
}

export interface BackupMade {
  node: string
  nodeName: string
  at: number
  file: string
  bytes: number
  index: number
  sha256: string
}

/** `copying`: the database is copied · `writing`: the copy is compressed, encrypted and written. */
export interface BackupProgress {
  step: 'copying' | 'writing'
  startedAt: number
  doneBytes: number
  /** Of the copy; 0 while nobody knows. */
  totalBytes: number
}

export interface BackupStatus {
  settings: BackupSettings
  /** Of the node that answers. */
  folder: string
  running: BackupProgress | null
  /** The last attempt of this node since it started, when it failed. */
  failure: { at: number; message: string } | null
  /** The newest backup of each node that made one. */
  last: BackupMade[]
  /** When this node makes the next one; null: it makes none by itself. */
  nextAt: number | null
  /** When a backup was last proven, and the moment that it holds. */
  proven: { at: number; file: string; index: number } | null
}

export interface BackupFile {
  file: string
  bytes: number
  facility: string
  nodeName: string
  version: string
  createdAt: number
  index: number
  recipient: string
  sha256: string
  /** When it was decrypted and checked as a whole; null: never. */
  provenAt: number | null
  /** One line why it cannot be used; null: its ends are where they have to be. */
  problem: string | null
}

export interface BackupList {
  folder: string
  /** The newest first. */
  files: BackupFile[]
  /** Files that were left out, because there are too many. */
  leftOut: number
}

export interface BackupService {
  status(): BackupStatus
  list(): Promise<BackupList>
  /** Begins one; `status` tells how it goes. */
  create(caller: Caller): Promise<BackupProgress>
  configure(value: input.BackupSettingsInput, caller: Caller): Promise<BackupSettings>
  setKey(value: input.BackupKeyInput, caller: Caller): Promise<BackupSettings>
  /** Notes that a file was proven elsewhere, with the key. */
  proven(value: input.BackupProofInput, caller: Caller): Promise<void>
}
