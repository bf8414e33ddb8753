import { openDatabase } from '@holdfast/db'
import type Database from 'better-sqlite3'
import { genesisHash, hashBytes, nextHash } from './chain.ts'
import { CheckpointCheck, type OwnKey } from './verify-checkpoints.ts'
import { eventRange, type Faults } from './verify-faults.ts'

/** Rows read at once; between reads a thread that also answers others gets its turn. */
const pageRows = 1000

/** The event's bytes as stored, because bytes that are not UTF-8 would all read as the same replacement character. */
type Row = [
  seq: number,
  event: Buffer,
  hash: Buffer,
  at: number,
  actor: string,
  action: string,
  target: string,
]

/**
 * The rows of audit_event in order, checked for themselves and compared with the events of the files. Rows never
 * change once committed, so that no transaction has to stay open while a running node goes on writing.
 */
export class DatabaseChain implements Disposable {
  readonly #db: Database.Database
  readonly #name: string
  readonly #faults: Faults
  readonly checkpoints: CheckpointCheck
  readonly #page: Database.Statement<[number, number, number], Row>
  /** Newest event of the database when the check began. */
  readonly headSeq: number
  readonly #headHash: Buffer
  #rows: Row[] = []
  #at = 0
  /** Newest row that was looked at, and its hash. */
  #seq = 0
  #hash: Buffer = genesisHash

  /**
   * @param against text of a checkpoint that was kept elsewhere
   * @throws OpenError or SqliteError when the file is missing, unreadable or not a cluster database
   */
  constructor(path: string, options: { name: string; faults: Faults; against?: string; key?: OwnKey }) {
    const { name, faults } = options
    this.#db = openDatabase(path, { role: 'reader', readonly: true })
    this.#name = name
    this.#faults = faults
    try {
      this.checkpoints = new CheckpointCheck(this.#db, options)
      const applied = this.#db.prepare('SELECT auditSeq, auditHash FROM applied').get() as
        | { auditSeq: number; auditHash: Buffer }
        | undefined
      this.headSeq = applied?.auditSeq ?? 0
      this.#headHash = applied?.auditHash ?? genesisHash
      this.#page = this.#db.prepare<[number, number, number], Row>(
        `SELECT seq, CAST(event AS BLOB), hash, at, actor, action, target FROM audit_event
         WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?`,
      )
      this.#page.raw()
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
    if (row?.[0] === seq && !this.#take(row).equals(hash)) {
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
    this.checkpoints.finish()
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }

  /** Passes rows before a sequence; says which they were. */
  #skipTo(seq: number): string | null {
    let first = 0
    let last = 0
    for (let row = this.#peek(); row && row[0] < seq; row = this.#peek()) {
      this.#take(row)
      first ||= row[0]
      last = row[0]
    }
    return first === 0 ? null : eventRange(first, last)
  }

  #peek(): Row | undefined {
    if (this.#at === this.#rows.length) {
      this.#rows = this.#page.all(this.#seq, this.headSeq, pageRows)
      this.#at = 0
    }
    return this.#rows[this.#at]
  }

  /** Checks that a row continues the chain of the rows and passes it. */
  #take(row: Row): Buffer {
    const [seq, event, hash, at, , action] = row
    this.checkpoints.take({ seq, event, at, action })
    if (seq !== this.#seq + 1) {
      this.#faults.add(`${this.#name}: ${eventRange(this.#seq + 1, seq - 1)} missing in audit_event`)
    } else if (hash.length !== hashBytes || !nextHash(this.#hash, event).equals(hash)) {
      this.#faults.add(`${this.#name}: event ${seq} or its hash was changed in audit_event`)
    } else if (!indexFits(row)) {
      this.#faults.add(`${this.#name}: what event ${seq} is found by was changed in audit_event`)
    }
    this.#at++
    this.#seq = seq
    this.#hash = hash
    return hash
  }
}

/**
 * Whether the columns that searches use repeat what the event says. Compared as text, because parsing the JSON takes
 * longer than all the rest: the first `","action":` ends the actor's name, in which a quote would be escaped.
 */
function indexFits([seq, event, , at, actor, action, target]: Row): boolean {
  const text = event.toString()
  if (!text.startsWith(`{"seq":${seq},"at":${at},"actor":${JSON.stringify(actor)},"actorName":"`))
    return false
  const from = text.indexOf('","action":')
  return text.startsWith(
    `","action":${JSON.stringify(action)},"target":${JSON.stringify(target)},"outcome":`,
    from,
  )
}
