import { HoldfastError } from '@holdfast/api/contract/errors'
import type * as input from '@holdfast/api/contract/inputs'
import type {
  AuditProof,
  AuditVerdict,
  AuditView,
  Caller,
  CheckpointStatus,
  Page,
} from '@holdfast/api/services'
import type { Proposer } from '../../log/proposer.ts'
import { callerActor } from '../auth/auth.ts'
import type { AuditReader } from './audit-reader.ts'
import type { AuditCheckpoints } from './checkpoints.ts'
import type { AuditSegments } from './segments.ts'
import type { OwnKey } from './verify-checkpoints.ts'
import { auditView } from './view.ts'

/** Searching, proving and taking away the audit log. Looking at it is itself not an event; exporting and verifying is. */
export class AuditService {
  private readonly reader: AuditReader
  private readonly proposer: Proposer
  private readonly directory: string
  private readonly database: string
  private readonly key: OwnKey
  private readonly segments: Pick<AuditSegments, 'flush' | 'status'>
  private readonly checkpoints: Pick<AuditCheckpoints, 'status' | 'take' | 'prove'>

  constructor(options: {
    reader: AuditReader
    proposer: Proposer
    directory: string
    database: string
    key: OwnKey
    segments: Pick<AuditSegments, 'flush' | 'status'>
    checkpoints: Pick<AuditCheckpoints, 'status' | 'take' | 'prove'>
  }) {
    this.reader = options.reader
    this.proposer = options.proposer
    this.directory = options.directory
    this.database = options.database
    this.key = options.key
    this.segments = options.segments
    this.checkpoints = options.checkpoints
  }

  async search(query: input.AuditQuery, _caller: Caller): Promise<Page<AuditView>> {
    const { rows, total } = await this.reader.ask('search', query)
    return { rows: rows.map(auditView), total }
  }

  async get({ seq }: { seq: number }, _caller: Caller): Promise<AuditView> {
    const [row] = await this.reader.ask('rows', { fromSeq: seq, limit: 1 })
    if (row?.seq !== seq) throw new HoldfastError('not-found', `There is no audit event ${seq}.`)
    return auditView(row)
  }

  async verify(caller: Caller, against?: string): Promise<AuditVerdict> {
    const settledSeq = await this.segments.flush()
    const verdict = await this.reader.ask('verify', {
      directory: this.directory,
      database: this.database,
      key: this.key,
      // Files that do not follow the database have to be told as faults, however far they came.
      ...(this.segments.status().state === 'following' && { settledSeq }),
      ...(against !== undefined && { against }),
    })
    await this.proposer.propose('audit.used', callerActor(caller), {
      action: 'audit.verified',
      detail: { ok: verdict.ok, events: verdict.events, faults: verdict.faults.length },
    })
    return verdict
  }

  checkpoint(value: input.AuditCheckpoint, _caller: Caller): Promise<CheckpointStatus> {
    return this.checkpoints.status(value)
  }

  takeCheckpoint(_caller: Caller): Promise<CheckpointStatus> {
    return this.checkpoints.take()
  }

  prove(value: { seq: number }, _caller: Caller): Promise<AuditProof> {
    return this.checkpoints.prove(value)
  }

  async export(
    { fromSeq, limit }: input.AuditExport,
    caller: Caller,
  ): Promise<{ lines: string; nextSeq: number | null }> {
    const rows = await this.reader.ask('rows', { fromSeq, limit })
    const last = rows.at(-1)
    // One event for the whole export: its first page.
    if (fromSeq <= 1)
      await this.proposer.propose('audit.used', callerActor(caller), {
        action: 'audit.exported',
        detail: { fromSeq },
      })
    const lines = rows.map((row) => `${Buffer.from(row.hash).toString('hex')} ${row.event}\n`).join('')
    return { lines, nextSeq: rows.length === limit && last ? last.seq + 1 : null }
  }
}
