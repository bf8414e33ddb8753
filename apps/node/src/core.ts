import { openDatabase } from '@holdfast/db'
import packageJson from '../package.json' with { type: 'json' }
import type { DataFolder } from './data-folder.ts'
import { LocalLog } from './log/local-log.ts'
import type { Commit, Log } from './log/log.ts'
import { Proposer } from './log/proposer.ts'
import { type Clock, systemClock } from './platform/clock.ts'
import type { Logger } from './platform/logger.ts'
import { compareVersions } from './platform/versions.ts'
import type { AuditReader } from './services/audit/audit-reader.ts'
import { AuditTree } from './services/audit/audit-tree.ts'
import { checkpointState } from './services/audit/checkpoint-state.ts'
import { AuditCheckpoints } from './services/audit/checkpoints.ts'
import type { AuditRow } from './services/audit/segment-format.ts'
import { AuditSegments, segmentAlertCodes } from './services/audit/segments.ts'
import { SetupService } from './services/auth/setup.ts'
import { Alerts } from './services/overview/alerts.ts'
import { Metrics } from './services/overview/metrics.ts'
import { Directory } from './state/directory.ts'
import { understoodSince } from './state/handlers.ts'
import { DpopVerifier } from './trust/dpop.ts'
import { Passwords } from './trust/passwords.ts'
import { SetupCode } from './trust/setup-code.ts'

export const version = packageJson.version

export type FailureListener = (code: 'disk-full' | 'internal', message: string) => void

/** The parts that store and know; enough for `init`, and the base of a serving node. */
export class Core {
  readonly clock: Clock
  readonly metrics = new Metrics()
  readonly alerts: Alerts
  readonly passwords = new Passwords()
  readonly dpop: DpopVerifier
  readonly logger: Logger
  readonly folder: DataFolder
  readonly log: Log
  readonly proposer: Proposer
  readonly db: ReturnType<typeof openDatabase>
  readonly directory: Directory
  readonly setupCode: SetupCode
  onFailure: (code: 'disk-full' | 'internal', message: string) => void = () => {}

  /** @param makeLog the engine of the log; without one the node keeps its log by itself */
  constructor(
    folder: DataFolder,
    logger: Logger,
    clock: Clock = systemClock,
    makeLog?: (onFailure: FailureListener) => Log | null,
  ) {
    this.clock = clock
    this.alerts = new Alerts(clock)
    this.dpop = new DpopVerifier(clock)
    this.folder = folder
    this.logger = logger
    const onFailure: FailureListener = (code, message) => {
      logger.error({ code }, `a batch could not be stored: ${message}`)
      this.onFailure(code, message)
    }
    this.log =
      makeLog?.(onFailure) ??
      new LocalLog({
        databaseFile: folder.clusterFile,
        nodeId: folder.identity.nodeId,
        clock,
        logger,
        onFailure,
      })
    this.proposer = new Proposer(this.log, { common: () => this.commonVersion(), since: understoodSince })
    this.db = openDatabase(folder.clusterFile, { role: 'reader' })
    this.directory = new Directory(this.db)
    this.setupCode = new SetupCode(folder.path, this.clock)
  }

  /** Starts the log; memory follows each commit before `listener` hears of it. */
  async start(listener: (commit: Commit) => void): Promise<void> {
    this.log.onCommit((commit) => {
      this.metrics.commands += commit.commands
      for (const effect of commit.effects) {
        if (effect.e === 'changed') this.directory.refresh(effect.kind, effect.id)
        else if (effect.e === 'entries') {
          const channel = this.directory.channelsByNo.get(effect.channelNo)
          if (channel) {
            channel.head = Math.max(channel.head, effect.head)
            channel.lastAt = commit.at
          }
        }
      }
      listener(commit)
    })
    await this.log.start()
    this.directory.load()
  }

  /** The oldest version that a member runs, this node included. */
  commonVersion(): string {
    const known = [...this.directory.nodes.values()].map((node) => node.version).filter((each) => each !== '')
    return [...known, version].toSorted(compareVersions)[0] ?? version
  }

  setup(onSetUp: () => void): SetupService {
    const { folder, directory, proposer, passwords, setupCode } = this
    return new SetupService({ folder, directory, proposer, passwords, setupCode, version, onSetUp })
  }

  async stop(): Promise<void> {
    await this.log.stop()
    this.db.close()
    this.folder.close()
  }
}

/** The audit log's files, written from the rows that the state machine stored. */
export function auditSegments(
  core: Core,
  onRestored: (lacked: { fromSeq: number; events: number }) => void = () => {},
): AuditSegments {
  const rows = core.db.prepare('SELECT seq, event, hash FROM audit_event WHERE seq >= ? ORDER BY seq LIMIT ?')
  return new AuditSegments({
    directory: core.folder.auditDirectory,
    readRows: (fromSeq, limit) => rows.all(fromSeq, limit) as AuditRow[],
    logger: core.logger,
    onRestored,
    facility: () => core.directory.setting('facility', ''),
    clock: core.clock,
    onAlert: (alert) => {
      for (const code of segmentAlertCodes) if (code !== alert?.code) core.alerts.clear(code)
      if (alert !== null) core.alerts.raise(alert.level, alert.code, alert.message)
    },
  })
}

/** The audit log's checkpoints, signed by this node. */
export function auditCheckpoints(
  core: Core,
  reader: AuditReader,
  isLeader: () => boolean = () => true,
): AuditCheckpoints {
  const { folder, db, directory, proposer, alerts, clock, logger } = core
  return new AuditCheckpoints({
    dataDir: folder.path,
    node: folder.identity.nodeId,
    caFingerprint: () => folder.caFingerprint.hex,
    state: checkpointState(db, directory),
    reader,
    tree: new AuditTree(db),
    proposer,
    isLeader,
    alerts,
    clock,
    logger,
  })
}

/** The audit events of a commit, in order. */
export function auditRowsOf(commit: Commit): AuditRow[] {
  return commit.effects.filter((effect) => effect.e === 'audit')
}
