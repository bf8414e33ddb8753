/**
 * Writes the audit events of the database to append-only files.
 *
 * The rows of audit_event are committed together with the change they tell of, so they are the truth; the files
 * follow them. Where the files end is read from the files themselves at start, so a crash can leave neither a gap nor
 * an event twice. Whatever goes wrong here is reported as an alert and tried again; it never stops the node.
 */
import { open } from 'node:fs/promises'
import type { Alert } from '@holdfast/api/services'
import { type Clock, systemClock } from '../../platform/clock.ts'
import { ensureDir } from '../../platform/files.ts'
import type { Logger } from '../../platform/logger.ts'
import { nextHash } from './chain.ts'
import { AuditDamageError } from './errors.ts'
import { type AuditRow, segmentBytes } from './segment-format.ts'
import { SegmentTail } from './segment-tail.ts'

/** Bounds of the writer. */
export const segmentLimits = {
  /** Events waiting in memory; beyond it they are read from the database again when their turn comes. */
  queueEvents: 10_000,
  /** Rows in one read from the database; with the longest events 32 MiB. */
  readRows: 500,
  /** Time in which events gather for one write and flush, so that a burst does not compete with the database's flushes. */
  gatherMs: 50,
  retryMinMs: 500,
  retryMaxMs: 30_000,
} as const

export interface AuditSegmentsOptions {
  /** Folder of the files; made when missing. */
  directory: string
  /** Rows of audit_event from a sequence on, in order, at most `limit`. */
  readRows(fromSeq: number, limit: number): readonly AuditRow[] | Promise<readonly AuditRow[]>
  logger: Pick<Logger, 'info' | 'warn' | 'error'>
  /** Name of the facility, for the headers of new segments. */
  facility(): string
  /** Called when what people have to know changes; null: all is well again. */
  onAlert?(alert: Alert | null): void
  clock?: Clock
  /** Told once when the files lacked events at start and have them again. */
  onRestored?: (lacked: { fromSeq: number; events: number }) => void
  /** Bytes at which a segment is complete. */
  segmentBytes?: number
  gatherMs?: number
  retryMinMs?: number
  /** Opens a file as node:fs/promises does; tests hand in one that fails. */
  openFile?: typeof open
}

/** `following`: all is well. `ahead`: the database lost events that the files have. `damaged`: waits for a person. */
export type SegmentsState = 'following' | 'retrying' | 'ahead' | 'damaged' | 'closed'

export interface SegmentsStatus {
  state: SegmentsState
  /** Newest event that is on disk, and the chain's hash after it in hex. */
  seq: number
  hash: string
  /** What people have to know; null while all is well. */
  alert: Alert | null
}

/** Codes of the alerts that this raises. */
export const segmentAlertCodes = ['audit-not-written', 'audit-ahead', 'audit-damaged'] as const

export class AuditSegments {
  readonly #options: AuditSegmentsOptions
  readonly #clock: Clock
  readonly #tail: SegmentTail
  #state: SegmentsState = 'following'
  #alert: Alert | null = null
  #queue: AuditRow[] = []
  /** Whether events may be in the database that are not in the queue. */
  #behind = true
  /** Whether events came since the database was asked last. */
  #missed = false
  #started = false
  #recovered = false
  /** Newest event handed to `append`. */
  #appendedSeq = 0
  /** Events that the files lacked at start, while they are written; null once they are. */
  #lacking: { fromSeq: number; events: number } | null = null
  #pump: Promise<void> | null = null
  /** Ends a wait for more events at once. */
  #hurry: (() => void) | null = null
  #retryMs: number
  #retryTimer: NodeJS.Timeout | null = null

  constructor(options: AuditSegmentsOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#retryMs = options.retryMinMs ?? segmentLimits.retryMinMs
    this.#tail = new SegmentTail({
      directory: options.directory,
      segmentBytes: options.segmentBytes ?? segmentBytes,
      facility: options.facility,
      openFile: options.openFile ?? open,
    })
  }

  /** Repairs the end of the files after a crash and begins to write what they lack. Never throws; see `status`. */
  async start(): Promise<void> {
    await this.#attempt(() => this.#recover())
    this.#started = true
    this.#wake()
  }

  /** Takes committed events, in order. Returns at once; beyond a bound they are read from the database later. */
  append(rows: readonly AuditRow[]): void {
    if (!this.#mayWrite()) return
    this.#appendedSeq = rows.at(-1)?.seq ?? this.#appendedSeq
    if (this.#behind || this.#queue.length + rows.length > segmentLimits.queueEvents) {
      this.#fallBehind()
    } else {
      for (const row of rows) this.#queue.push(row)
    }
    this.#wake()
  }

  status(): SegmentsStatus {
    const { seq, hash } = this.#tail.position
    return { state: this.#state, seq, hash: hash.toString('hex'), alert: this.#alert }
  }

  /**
   * Waits until every event appended before is on disk, or until that has failed once.
   * @returns the newest event on disk
   */
  async flush(): Promise<number> {
    const wanted = this.#appendedSeq
    for (;;) {
      this.#wake()
      if (this.#pump === null || (!this.#behind && this.#tail.position.seq >= wanted)) break
      this.#hurry?.()
      await this.#pump
    }
    return this.#tail.position.seq
  }

  /** Writes what is waiting, when the disk takes it, and closes the files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush()
    this.#state = 'closed'
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer)
    await this.#pump
    await this.#attempt(() => this.#tail.close())
  }

  #hasWork(): boolean {
    if (!this.#started || this.#retryTimer !== null || !this.#mayWrite()) return false
    return this.#behind || this.#queue.length > 0
  }

  #mayWrite(): boolean {
    return this.#state !== 'damaged' && this.#state !== 'closed'
  }

  #wake(): void {
    if (this.#pump !== null || !this.#hasWork()) return
    this.#pump = this.#run().finally(() => {
      this.#pump = null
      this.#wake()
    })
  }

  async #run(): Promise<void> {
    await this.#gather()
    while (this.#hasWork()) {
      const worked = await this.#attempt(() => this.#step())
      if (!worked) return
    }
  }

  /** One batch from the queue or the database to the disk. */
  async #step(): Promise<void> {
    if (!this.#recovered) await this.#recover()
    if (this.#state === 'ahead' && !(await this.#caughtUp())) {
      this.#queue = []
      this.#behind = false
      return
    }
    const rows = await this.#nextRows()
    if (rows.length > 0) {
      this.#checkChain(rows)
      await this.#tail.append(rows)
    }
    this.#settle('following')
    this.#noteLacking(rows.length)
  }

  /** A crash leaves little to write again; much of it means that somebody removed files. */
  #noteLacking(events: number): void {
    if (this.#lacking === null) return
    this.#lacking.events += events
    if (this.#behind) return
    if (this.#lacking.events > 0) {
      this.#options.logger.warn(this.#lacking, 'audit: wrote events that the files lacked at start')
      this.#options.onRestored?.(this.#lacking)
    }
    this.#lacking = null
  }

  /** Leaves the rest of the queue to the next batch, so that one write stays bounded. */
  async #nextRows(): Promise<readonly AuditRow[]> {
    const { position } = this.#tail
    const queued = this.#queue.findIndex((row) => row.seq > position.seq)
    const next = queued < 0 ? undefined : this.#queue[queued]
    if (!this.#behind && next?.seq === position.seq + 1) {
      const rows = this.#queue.slice(queued, queued + segmentLimits.readRows)
      // The queue is cut only here, where nothing can fail before the rows are checked by position again.
      this.#queue = this.#queue.slice(queued)
      return rows
    }
    if (!this.#behind && next === undefined) {
      this.#queue = []
      return []
    }
    this.#fallBehind()
    this.#missed = false
    const rows = await this.#options.readRows(position.seq + 1, segmentLimits.readRows)
    // Only when nothing came while the database was asked does the queue hold everything from now on.
    if (rows.length === 0 && !this.#missed) this.#behind = false
    return rows
  }

  /** From now on events are read from the database until it has no more. */
  #fallBehind(): void {
    this.#behind = true
    this.#missed = true
    this.#queue = []
  }

  async #recover(): Promise<void> {
    await ensureDir(this.#options.directory)
    const tornBytes = await this.#tail.recover()
    this.#recovered = true
    this.#lacking = { fromSeq: this.#tail.position.seq + 1, events: 0 }
    if (tornBytes > 0) {
      this.#options.logger.warn(
        { tornBytes, seq: this.#tail.position.seq },
        'audit: cut off an incomplete line that a crash had left; its event is written again from the database',
      )
    }
    if (!(await this.#caughtUp())) {
      this.#settle('ahead')
      this.#options.logger.warn(
        { seq: this.#tail.position.seq },
        'audit: the database lacks events that the files have',
      )
    }
  }

  /**
   * Whether the database has the newest event of the files.
   * @throws AuditDamageError when it has another one in its place
   */
  async #caughtUp(): Promise<boolean> {
    const { seq, hash } = this.#tail.position
    if (seq === 0) return true
    const [row] = await this.#options.readRows(seq, 1)
    if (row?.seq !== seq) return false
    if (hash.equals(row.hash)) return true
    throw new AuditDamageError(`event ${seq} in the files is not event ${seq} in the database`)
  }

  /** Rows that do not continue the chain must not reach the files. */
  #checkChain(rows: readonly AuditRow[]): void {
    let { seq, hash } = this.#tail.position
    for (const row of rows) {
      const expected = nextHash(hash, row.event)
      if (row.seq !== seq + 1) throw new AuditDamageError(`the database lacks event ${seq + 1}`)
      if (!expected.equals(row.hash)) {
        throw new AuditDamageError(
          `event ${row.seq} in the database does not continue the chain: it was changed`,
        )
      }
      seq = row.seq
      hash = expected
    }
  }

  /** Does work whose failure is a state, not an exception. */
  async #attempt(work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      if (error instanceof AuditDamageError) this.#damaged(error)
      else this.#failed(error)
      return false
    }
  }

  #failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    this.#fallBehind()
    if (this.#state !== 'closed') {
      this.#retryTimer = setTimeout(() => {
        this.#retryTimer = null
        this.#wake()
      }, this.#retryMs)
      this.#retryTimer.unref()
      this.#retryMs = Math.min(this.#retryMs * 2, segmentLimits.retryMaxMs)
    }
    if (this.#state === 'following' || this.#state === 'ahead') {
      this.#options.logger.error({ err: error }, 'audit: events cannot be written to the files; trying again')
    }
    this.#settle('retrying', message)
  }

  #damaged(error: AuditDamageError): void {
    this.#queue = []
    this.#options.logger.error(
      { err: error },
      'audit: the files are left as they are until a person has looked',
    )
    this.#settle('damaged', error.message)
  }

  #settle(state: SegmentsState, why = ''): void {
    if (this.#state === 'closed') return
    if (state === 'following') {
      if (this.#state !== 'following') this.#options.logger.info('audit: events reach the files again')
      this.#retryMs = this.#options.retryMinMs ?? segmentLimits.retryMinMs
    }
    const changed = state !== this.#state
    const before = this.#alert
    this.#state = state
    const since = changed || this.#alert === null ? this.#clock.now() : this.#alert.since
    this.#alert = alertOf(state, {
      why,
      since,
      directory: this.#options.directory,
      seq: this.#tail.position.seq,
    })
    if (this.#alert?.message !== before?.message) this.#options.onAlert?.(this.#alert)
  }

  async #gather(): Promise<void> {
    const gatherMs = this.#options.gatherMs ?? segmentLimits.gatherMs
    if (gatherMs === 0 || this.#behind) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, gatherMs)
      this.#hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#hurry = null
  }
}

function alertOf(
  state: SegmentsState,
  about: { why: string; since: number; directory: string; seq: number },
): Alert | null {
  const { why, since, directory, seq } = about
  switch (state) {
    case 'retrying':
      return {
        level: 'alert',
        code: 'audit-not-written',
        message: `Audit events wait in the database and cannot be written to ${directory}: ${why}. Make room or mend the folder; writing goes on by itself.`,
        since,
      }
    case 'ahead':
      return {
        level: 'warning',
        code: 'audit-ahead',
        message: `The audit files in ${directory} have events up to ${seq}, and the database does not. If an older database was put in place, stop the node, move the folder aside as evidence, and start again.`,
        since,
      }
    case 'damaged':
      return {
        level: 'alert',
        code: 'audit-damaged',
        message: `The audit files in ${directory} do not fit: ${why}. Nothing is written to them. Run 'holdfast audit verify', stop the node, move the folder aside as evidence, and start again: it is written anew from the database.`,
        since,
      }
    default:
      return null
  }
}
