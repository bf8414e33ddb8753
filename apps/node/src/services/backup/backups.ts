/** Makes this node's backups: when asked, and by the facility's schedule. */
import { resolve } from 'node:path'
import type {
  BackupList,
  BackupMade,
  BackupProgress,
  BackupService,
  BackupSettings,
  BackupStatus,
} from '@holdfast/api/backup-services'
import {
  type BackupKeyInput,
  type BackupProofInput,
  type BackupSettingsInput,
  backupKeep,
} from '@holdfast/api/contract/backup-inputs'
import { HoldfastError } from '@holdfast/api/contract/errors'
import type { Caller } from '@holdfast/api/services'
import type { DataFolder } from '../../data-folder.ts'
import type { Log } from '../../log/log.ts'
import type { Proposer } from '../../log/proposer.ts'
import type { SnapshotSource } from '../../peer/snapshot-sender.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import { type Actor, systemActor } from '../../state/commands.ts'
import type { Directory } from '../../state/directory.ts'
import { trustPaths } from '../../trust/files.ts'
import { callerActor } from '../auth/auth.ts'
import type { Alerts } from '../overview/alerts.ts'
import { listBackups, sweepTemporary } from './backup-folder.ts'
import { backupSettingKeys, type Proofs } from './commands.ts'
import { type CreatedBackup, createBackup } from './create-backup.ts'
import { dueAt } from './schedule.ts'

/** How often the schedule is looked at. */
const tickMs = 30_000
/** A scheduled backup that failed is tried again after so long. */
const retryMs = 15 * 60_000
const alertCode = 'backup'

export interface BackupsOptions {
  folder: DataFolder
  /** Where backups are written. */
  backupFolder: string
  version: string
  directory: Directory
  proposer: Proposer
  log: Log
  /** Disposed at the end where it is this node's alone. */
  snapshots: Pick<SnapshotSource, 'take'> & Partial<AsyncDisposable>
  ownSnapshots: boolean
  /** The newest revision of the cluster's log that is applied; 0 on a single node. */
  revision: () => number
  /** Whether this node does what one node does for all. */
  leads: () => boolean
  alerts: Alerts
  clock: Clock
  logger: Logger
}

type Stored = Partial<BackupSettings> & { scheduledAt?: number }

export class Backups implements BackupService {
  private readonly o: BackupsOptions
  private readonly folder: string
  private readonly abort = new AbortController()
  private timer: NodeJS.Timeout | null = null
  private running: BackupProgress | null = null
  private work: Promise<void> | null = null
  private failure: BackupStatus['failure'] = null

  constructor(options: BackupsOptions) {
    this.o = options
    this.folder = resolve(options.backupFolder)
  }

  start(): void {
    const { logger } = this.o
    sweepTemporary(this.folder, this.o.folder.identity.nodeId).catch((error: Error) =>
      logger.warn({ err: error }, 'the folder of backups could not be swept'),
    )
    this.timer = setInterval(() => this.tick(), tickMs)
    this.tick()
  }

  async stop(): Promise<void> {
    if (this.timer) clearInterval(this.timer)
    this.abort.abort()
    if (this.o.ownSnapshots) await this.o.snapshots[Symbol.asyncDispose]?.()
    await this.work
  }

  settings(): BackupSettings {
    const { recipient = null, schedule, nodes, keep } = this.stored()
    return {
      recipient,
      schedule: schedule ?? { kind: 'off' },
      nodes: nodes ?? 'leader',
      keep: keep ?? backupKeep.usual,
      version: this.o.directory.settings.get(backupSettingKeys.settings)?.version ?? 0,
    }
  }

  status(): BackupStatus {
    const { directory } = this.o
    const proofs = Object.values(directory.setting<Proofs>(backupSettingKeys.proofs, {}))
    return {
      settings: this.settings(),
      folder: this.folder,
      running: this.running,
      failure: this.failure,
      last: Object.values(this.made()).toSorted((a, b) => b.at - a.at),
      nextAt: this.nextAt(),
      proven: proofs.toSorted((a, b) => b.at - a.at)[0] ?? null,
    }
  }

  list(): Promise<BackupList> {
    return listBackups(this.folder, this.o.directory.setting<Proofs>(backupSettingKeys.proofs, {}))
  }

  async create(caller: Caller): Promise<BackupProgress> {
    return this.begin(callerActor(caller), false)
  }

  async configure({ version, ...change }: BackupSettingsInput, caller: Caller): Promise<BackupSettings> {
    const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
    if (this.settings().recipient === null && change.schedule !== undefined && change.schedule.kind !== 'off')
      throw noKey()
    await this.o.proposer.propose('backup.configure', callerActor(caller), { version, change: given })
    return this.settings()
  }

  async setKey({ version, recipient }: BackupKeyInput, caller: Caller): Promise<BackupSettings> {
    // A key that has the right form and a wrong check sum would make backups that nobody can open.
    const { Encrypter } = await import('age-encryption')
    try {
      new Encrypter().addRecipient(recipient)
    } catch {
      throw new HoldfastError(
        'bad-request',
        'The public recovery key is mistyped: its check sum does not fit.',
      )
    }
    await this.o.proposer.propose('backup.configure', callerActor(caller), { version, change: { recipient } })
    return this.settings()
  }

  async proven(value: BackupProofInput, caller: Caller): Promise<void> {
    await this.o.proposer.propose('backup.proven', callerActor(caller), value)
  }

  /** @throws HoldfastError `conflict` when one is being made, or without a recovery key */
  private begin(actor: Actor, scheduled: boolean): BackupProgress {
    if (this.running !== null)
      throw new HoldfastError('conflict', 'A backup is being made already; wait until it is done.')
    if (this.abort.signal.aborted) throw new HoldfastError('shutting-down', 'This node is shutting down.')
    const { recipient } = this.settings()
    if (recipient === null) throw noKey()
    const running: BackupProgress = {
      step: 'copying',
      startedAt: this.o.clock.now(),
      doneBytes: 0,
      totalBytes: 0,
    }
    this.running = running
    this.work = this.make(recipient, { actor, scheduled }).finally(() => {
      this.running = null
      this.work = null
    })
    return running
  }

  private async make(recipient: string, by: { actor: Actor; scheduled: boolean }): Promise<void> {
    const { folder, directory, clock, alerts, logger, version } = this.o
    const { nodeId, nodeName } = folder.identity
    try {
      const created = await createBackup({
        folder: this.folder,
        clusterFile: folder.clusterFile,
        authorityFile: trustPaths(folder.path).authority,
        about: {
          facility: directory.setting('facility', ''),
          node: { id: nodeId, name: nodeName },
          version,
          createdAt: clock.now(),
          recipient,
        },
        keep: this.settings().keep,
        snapshots: this.o.snapshots,
        readIndex: () => this.o.log.readIndex(),
        revision: this.o.revision,
        signal: this.abort.signal,
        onProgress: (progress) => {
          if (this.running !== null) this.running = { ...this.running, ...progress }
        },
      })
      this.failure = null
      alerts.clear(alertCode)
      logger.info({ file: created.file, bytes: created.bytes, index: created.index }, 'made a backup')
      await this.note(created, by)
    } catch (error) {
      if (!this.abort.signal.aborted) await this.failed(error as Error, by)
    }
  }

  private async note(
    { file, bytes, index, sha256, caughtUp }: CreatedBackup,
    { actor, scheduled }: { actor: Actor; scheduled: boolean },
  ): Promise<void> {
    const { proposer, folder, logger } = this.o
    const { nodeId: node, nodeName } = folder.identity
    const fields = { node, nodeName, file, bytes, index, sha256, caughtUp, scheduled }
    await proposer.propose('backup.made', actor, fields).catch((error: Error) => {
      logger.warn({ err: error, file }, 'a backup was made and could not be recorded')
    })
  }

  private async failed(
    error: Error,
    { actor, scheduled }: { actor: Actor; scheduled: boolean },
  ): Promise<void> {
    const { alerts, clock, logger, proposer, folder } = this.o
    const message = error.message
    this.failure = { at: clock.now(), message }
    alerts.raise('alert', alertCode, `No backup could be made: ${message}`)
    logger.error({ err: error }, 'no backup could be made')
    const { nodeId: node } = folder.identity
    await proposer
      .propose('backup.failed', actor, { node, reason: message, scheduled })
      .catch((why: Error) => logger.warn({ err: why }, 'the failure of a backup was not recorded'))
  }

  private tick(): void {
    const nextAt = this.nextAt()
    if (nextAt === null || nextAt > this.o.clock.now() || this.running !== null) return
    try {
      this.begin(systemActor, true)
    } catch (error) {
      this.o.logger.warn({ err: error }, 'a scheduled backup could not begin')
    }
  }

  /** When this node makes the next one by itself. */
  private nextAt(): number | null {
    const { recipient, schedule, nodes } = this.settings()
    if (recipient === null || (nodes === 'leader' && !this.o.leads())) return null
    const made = Object.values(this.made())
    const { nodeId } = this.o.folder.identity
    const counted = nodes === 'leader' ? made : made.filter((each) => each.node === nodeId)
    const doneAt = Math.max(this.stored().scheduledAt ?? 0, ...counted.map((each) => each.at))
    const due = dueAt(schedule, doneAt)
    if (due === null || this.failure === null) return due
    return Math.max(due, this.failure.at + retryMs)
  }

  private stored(): Stored {
    return this.o.directory.setting<Stored>(backupSettingKeys.settings, {})
  }

  private made(): Record<string, BackupMade> {
    return this.o.directory.setting<Record<string, BackupMade>>(backupSettingKeys.made, {})
  }
}

const noKey = () =>
  new HoldfastError(
    'conflict',
    'The facility has no recovery key, and backups are encrypted for it. Make one: holdfast backup key create',
  )
