import { openDatabase } from '@holdfast/db'
import type Database from 'better-sqlite3'
import { type AuditEventFields, genesisHash, hashBytes, nextHash } from './chain.ts'
import { eventRange, type Faults } from './verify-faults.ts'

/** Rows read at once; between reads a thread that also answers others gets its turn. */
const pageRows = 1000

interface Row {
  seq: number
  /** The text's bytes as stored, because bytes that are not UTF-8 would all read as the same replacement character. */
  event: Buffer
  hash: Buffer
  at: number
  actor: string
  action: string
  target: string
}

/**
 * The rows of audit_event in order, checked for themselves and compared with the events of the files. Rows never
 * change once committed, so that no transaction has to stay open while a running node goes on writing.
 */
export class DatabaseChain implements Disposable {
  readonly #db: Database.Database
  readonly #name: string
  readonly #faults: Faults
  readonly #page: Database.Statement<[number, number, number]>
  /** Newest event of the database when the check began. */
  readonly headSeq: number
  readonly #headHash: Buffer
  #rows: Row[] = []
  #at = 0
  /** Newest row that was looked at, and its hash. */
  #seq = 0
  #hash: Buffer = genesisHash

  /** @throws OpenError or SqliteError when the file is missing, unreadable or not a cluster database */
  constructor(path: string, name: string, faults: Faults) {
    this.#db = openDatabase(path, { role: 'reader', readonly: true })
    this.#name = name
    this.#faults = faults
    try {
      const applied = this.#db.prepare('SELECT auditSeq, auditHash FROM applied').get() as
        | { auditSeq: number; auditHash: Buffer }
        | undefined
      this.headSeq = applied?.auditSeq ?? 0
      this.#headHash = applied?.auditHash ?? genesisHash
      this.#page = this.#db.prepare(
        `SELECT seq, CAST(event AS BLOB) AS event, hash, at, actor, action, target FROM audit_event
         WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?`,
      )
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  /** Compares an event of the files with its row; rows before it are events that the files lack. */
  compare(seq: number, hash: Buffer, place: () => string): void {
    if (seq > this.headSeq) {
      this.#faults.add(`${place()}: the database knows no event ${seq}, its newest is ${this.headSeq}`)
      return
    }
    const skipped = this.#skipTo(seq)
    if (skipped) this.#faults.add(`${place()}: the database has ${skipped} before, the files do not`)
    const row = this.#peek()
    // A row that is missing is told when the next one does not continue the chain.
    if (row?.seq === seq && !this.#take(row).equals(hash)) {
      this.#faults.add(`${place()}: event ${seq} differs from the one in the database`)
    }
  }

  /**
   * Looks at the rows that the files did not reach.
   * @param allowedSeq events after it may be on their way into the files
   */
  finish(allowedSeq: number): void {
    const missing = this.#skipTo(Math.min(this.headSeq, allowedSeq) + 1)
    if (missing) {
      this.#faults.add(`at the end of the files: the database has ${missing}, the files were cut or removed`)
    }
    for (let row = this.#peek(); row; row = this.#peek()) this.#take(row)
    if (this.#seq !== this.headSeq) {
      this.#faults.add(`${this.#name}: event ${this.headSeq} should be the newest, and ${this.#seq} is`)
    } else if (!this.#hash.equals(this.#headHash)) {
      this.#faults.add(`${this.#name}: the hash of the newest event is not the one that was applied`)
    }
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }

  /** Passes rows before a sequence; says which they were. */
  #skipTo(seq: number): string | null {
    let first = 0
    let last = 0
    for (let row = this.#peek(); row && row.seq < seq; row = this.#peek()) {
      this.#take(row)
      first ||= row.seq
      last = row.seq
    }
    return first === 0 ? null : eventRange(first, last)
  }

  #peek(): Row | undefined {
    if (this.#at === this.#rows.length) {
      this.#rows = this.#page.all(this.#seq, this.headSeq, pageRows) as Row[]
      this.#at = 0
    }
    return this.#rows[this.#at]
  }

  /** Checks that a row continues the chain of the rows and passes it. */
  #take(row: Row): Buffer {
    if (row.seq !== this.#seq + 1) {
      this.#faults.add(`${this.#name}: ${eventRange(this.#seq + 1, row.seq - 1)} missing in audit_event`)
    } else if (row.hash.length !== hashBytes || !nextHash(this.#hash, row.event).equals(row.hash)) {
      this.#faults.add(`${this.#name}: event ${row.seq} or its hash was changed in audit_event`)
    } else if (!indexFits(row)) {
      this.#faults.add(`${this.#name}: what event ${row.seq} is found by was changed in audit_event`)
    }
    this.#at++
    this.#seq = row.seq
    this.#hash = row.hash
    return row.hash
  }
}

/** The columns that searches use repeat what the event says. */
function indexFits(row: Row): boolean {
  const event: Partial<AuditEventFields> = JSON.parse(row.event.toString())
  const { at, actor, action, target } = row
  return at === event.at && actor === event.actor && action === event.action && target === event.target
}
