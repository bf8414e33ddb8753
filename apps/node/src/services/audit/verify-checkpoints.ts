import type Database from 'better-sqlite3'
import { auditKeyFault } from './audit-key.ts'
import { parseEvent } from './chain.ts'
import { type Checkpoint, readCheckpoint, signaturesOf } from './checkpoint.ts'
import type { StoredCheckpoint } from './checkpoint-state.ts'
import { keyAction } from './commands.ts'
import { Frontier, leafHash } from './merkle.ts'
import { type Note, parseKey } from './signed-note.ts'
import type { Faults } from './verify-faults.ts'
import { MissingCheckpoints } from './verify-missing.ts'

type Signed = Checkpoint & Note

/** Whose database it is, and the file of its key (`auditKeyFile`). */
export interface OwnKey {
  node: string
  file: string
}

/**
 * Computes the tree over the rows and compares it with every checkpoint: those that the database holds, and one that
 * was kept elsewhere. A history that was rewritten together with its chain has another root.
 */
export class CheckpointCheck {
  readonly #faults: Faults
  readonly #name: string
  readonly #after: Database.Statement<[number, number], StoredCheckpoint> | null
  /** Largest checkpoint when the check began; later ones may cover events that it does not see. */
  readonly #lastSize: number
  readonly #against: Signed | null
  readonly #nodes = new Map<string, string>()
  readonly #keys = new Set<string>()
  readonly #tree = new Frontier()
  readonly #missing = new MissingCheckpoints()
  #next: StoredCheckpoint | null = null
  #againstRoot: Buffer | null = null
  #origin: string | null = null
  /** Whether an event is missing, so that no root can be computed behind it. */
  #adrift = false
  #agreeing = 0
  #disagreeing = { first: '', more: 0 }
  #againstSigners: string[] | null = null

  /**
   * To be made before the newest event is read, so that no checkpoint covers more.
   * @param against text of a checkpoint
   */
  constructor(
    db: Database.Database,
    options: { name: string; faults: Faults; against?: string; key?: OwnKey },
  ) {
    this.#name = options.name
    this.#faults = options.faults
    this.#against = options.against === undefined ? null : this.#readAgainst(options.against)
    // A database that was not opened since an update knows no checkpoints.
    const known = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'checkpoint'").get() !== undefined
    this.#after = known
      ? db.prepare('SELECT * FROM checkpoint WHERE size > ? AND size <= ? ORDER BY size LIMIT 1')
      : null
    this.#lastSize = known
      ? (db.prepare('SELECT coalesce(max(size), 0) FROM checkpoint').pluck().get() as number)
      : 0
    const nodes = known ? db.prepare('SELECT id, name, auditKey FROM node').all() : []
    for (const { id, name, auditKey } of nodes as { id: string; name: string; auditKey: string | null }[]) {
      this.#nodes.set(id, name)
      if (auditKey !== null) this.#keys.add(auditKey)
      if (id === options.key?.node) this.#checkKey(options.key.file, auditKey)
    }
    this.#step()
  }

  /** Checkpoints of the database that agree with its events. */
  get agreeing(): number {
    return this.#agreeing
  }

  /** Nodes that signed the checkpoint from elsewhere; null when there was none, or when it is not to be believed. */
  get against(): { size: number; signedBy: string[] } | null {
    return this.#against === null || this.#againstSigners === null
      ? null
      : { size: this.#against.size, signedBy: this.#againstSigners }
  }

  /** The next row. */
  take(row: { seq: number; event: Buffer; at: number; action: string }): void {
    if (row.action === keyAction) this.#learnKey(row.event)
    if (this.#adrift) return
    if (row.seq !== this.#tree.size + 1) {
      this.#adrift = true
      return
    }
    this.#tree.append(leafHash(row.event))
    this.#missing.event({ seq: row.seq, at: row.at, isKey: row.action === keyAction })
    if (this.#tree.size === this.#against?.size) this.#againstRoot = this.#tree.root()
    while (this.#next?.size === this.#tree.size) {
      this.#compare(this.#next)
      this.#miss(this.#missing.covered(this.#next.size))
      this.#step()
    }
  }

  finish(): void {
    const { first, more } = this.#disagreeing
    if (first !== '') {
      const others = more === 0 ? '' : `, and so with ${more} later checkpoints`
      this.#faults.add(`${this.#name}: ${first}${others}`)
    }
    // Missing events are told already.
    if (this.#next !== null && !this.#adrift) {
      this.#faults.add(
        `${this.#name}: the checkpoint of ${this.#next.size} events covers more than the log has, which ends at event ${this.#tree.size}`,
      )
    }
    // Neither is told of a log whose events are not all here.
    if (!this.#adrift) this.#miss(this.#missing.finish())
    if (this.#against !== null) this.#finishAgainst(this.#against)
  }

  #checkKey(file: string, auditKey: string | null): void {
    const published = auditKey === null ? null : parseKey(auditKey)
    const fault = published === null ? null : auditKeyFault(file, published.publicKey)
    if (fault !== null) this.#faults.add(fault)
  }

  #miss(what: string | null): void {
    if (what !== null) this.#faults.add(`${this.#name}: ${what}`)
  }

  #finishAgainst(against: Signed): void {
    const signatures = signaturesOf(against, this.#keys)
    const title = `the given checkpoint of ${against.size} events`
    if (this.#origin !== null && against.origin !== this.#origin) {
      this.#faults.add(`${title} is of another facility (${against.origin}); this one is ${this.#origin}`)
      return
    }
    if (signatures === null) {
      this.#faults.add(
        `${title} has a signature that does not verify: it was changed, or is not of this facility`,
      )
      return
    }
    this.#againstSigners = this.#names(signatures.map(({ key }) => key))
    if (signatures.length === 0) this.#faults.add(`${title} is signed by no key that this log knows`)
    const by = this.#againstSigners.length > 0 ? `, signed by ${this.#againstSigners.join(', ')}` : ''
    if (this.#againstRoot === null) {
      const end = this.#adrift ? 'lacks events' : `ends at event ${this.#tree.size}`
      this.#faults.add(`${title}${by}: this log ${end} before it: events were removed, or are not here yet`)
    } else if (!this.#againstRoot.equals(against.root)) {
      this.#faults.add(
        `${title}${by}: the first ${against.size} events of this log are not those that were signed`,
      )
    }
  }

  #readAgainst(note: string): Signed | null {
    try {
      return readCheckpoint(note)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      this.#faults.add(`the given checkpoint cannot be read: ${error.message}`)
      return null
    }
  }

  #compare(stored: StoredCheckpoint): void {
    const title = `the checkpoint of ${stored.size} events`
    let signed: Signed
    try {
      signed = readCheckpoint(stored.note)
    } catch (error) {
      this.#faults.add(`${this.#name}: ${title} was changed: ${(error as Error).message}`)
      return
    }
    this.#origin ??= signed.origin
    const signatures = signaturesOf(signed, this.#keys)
    const isWhole =
      signed.size === stored.size && signed.root.equals(stored.root) && signed.origin === this.#origin
    if (!isWhole || signatures === null || signatures.length === 0) {
      this.#faults.add(`${this.#name}: ${title} was changed: its signatures do not verify`)
    } else if (this.#tree.root().equals(signed.root)) {
      this.#agreeing += 1
    } else if (this.#disagreeing.first === '') {
      const names = this.#names(signatures.map(({ key }) => key)).join(', ')
      const at = new Date(stored.at).toISOString()
      this.#disagreeing.first = `the first ${stored.size} events are not those of the checkpoint that ${names} signed at ${at}`
    } else this.#disagreeing.more += 1
  }

  #step(): void {
    this.#next = this.#after?.get(this.#tree.size, this.#lastSize) ?? null
  }

  #learnKey(event: Buffer): void {
    try {
      const { key } = parseEvent(event.toString()).detail
      if (typeof key === 'string') this.#keys.add(key)
    } catch (error) {
      // Told as a fault of the chain.
      if (!(error instanceof SyntaxError)) throw error
    }
  }

  /** Names of the nodes whose keys these are, each once. */
  #names(keys: readonly string[]): string[] {
    const ids = keys.map((key) => parseKey(key)?.name.split('/').at(-1) ?? '')
    return [...new Set(ids)].map((id) => this.#nodes.get(id) ?? id)
  }
}
