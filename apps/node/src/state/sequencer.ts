import type Database from 'better-sqlite3'
import type { Batch } from './commands.ts'

/** One entry of a cluster's log: a version of the key that its origin writes. */
export interface LogEntry {
  /** Key without its prefix: the node that wrote it. */
  key: string
  /** How many times the key has been written, this time included. */
  version: number
  /** Place in the log; grows, not densely. */
  revision: number
  /** The encoding of a batch. */
  text: string
}

/** How far the log of the cluster is applied. */
export interface LogPosition {
  generation: string
  revision: number
  versions: Record<string, number>
}

/** Batches of one origin that wait for an earlier one. An origin has far fewer on their way at once. */
export const heldBatches = 64

/** The log skipped something that was never applied here: the state has to come from another node. */
export class LogGapError extends Error {
  readonly key: string
  readonly expected: number
  readonly found: number

  constructor(key: string, expected: number, found: number) {
    super(`The log jumps from version ${expected - 1} to ${found} of ${key}.`)
    this.name = 'LogGapError'
    this.key = key
    this.expected = expected
    this.found = found
  }
}

interface Expected {
  epoch: number
  next: number
}

/**
 * Turns the entries of a cluster's log into the batches to be applied: each once, and those of one origin in the order
 * in which it numbered them. An origin writes a batch again until it sees it, and has several on their way at once, so
 * entries repeat and overtake each other; every node sorts them out alike, because all it knows is replicated state.
 */
export class Sequencer {
  private readonly db: Database.Database
  private readonly origins = new Map<string, Expected>()
  private held = new Set<string>()
  private current: LogPosition | null = null

  constructor(db: Database.Database) {
    this.db = db
  }

  get position(): LogPosition | null {
    return this.current
  }

  /** Reads what is stored; at start and after a rolled-back transaction. */
  load(): void {
    this.origins.clear()
    for (const { id, epoch, next } of this.db.prepare('SELECT id, epoch, next FROM origin').all() as {
      id: string
      epoch: number
      next: number
    }[])
      this.origins.set(id, { epoch, next })
    this.held = new Set(
      (this.db.prepare('SELECT origin, no FROM held_batch').all() as { origin: string; no: number }[]).map(
        ({ origin, no }) => `${origin}/${no}`,
      ),
    )
    const row = this.db
      .prepare('SELECT generation, revision, versions FROM log_position WHERE id = 1')
      .get() as { generation: string; revision: number; versions: string } | undefined
    this.current = row
      ? {
          generation: row.generation,
          revision: row.revision,
          versions: JSON.parse(row.versions) as Record<string, number>,
        }
      : null
  }

  /** Begins another log at its revision 0, or goes on with the same one under another name; what is applied stays. */
  adopt(generation: string, revision: number, versions: Record<string, number>): void {
    if (revision === 0) {
      // Epochs are revisions, which begin anew with the log.
      this.run('DELETE FROM origin')
      this.run('DELETE FROM held_batch')
      this.origins.clear()
      this.held.clear()
    }
    this.current = { generation, revision, versions: { ...versions } }
    this.storePosition()
  }

  /** Belongs to no cluster's log any more; what is applied stays. */
  leave(): void {
    for (const table of ['origin', 'held_batch', 'log_position']) this.run(`DELETE FROM ${table}`)
    this.load()
  }

  /**
   * The batches that may be applied now that `entry` is here, in their order; none when it repeats or waits.
   * @throws LogGapError when an earlier entry of its key was never seen
   */
  accept(entry: LogEntry): { text: string; batch: Batch }[] {
    const position = this.current
    if (position === null) throw new Error('The log has no position; adopt one first.')
    if (entry.revision <= position.revision) return []
    const expected = (position.versions[entry.key] ?? 0) + 1
    if (entry.version !== expected) throw new LogGapError(entry.key, expected, entry.version)
    position.revision = entry.revision
    position.versions[entry.key] = entry.version
    const batch = asBatch(entry.text)
    if (batch === null || batch.e === undefined) return []
    return this.order(entry.text, batch, batch.e)
  }

  /** Writes the position; the last thing of a transaction. */
  storePosition(): void {
    const { current } = this
    if (current === null) return
    this.run(
      'INSERT INTO log_position (id, generation, revision, versions) VALUES (1, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET generation = excluded.generation, revision = excluded.revision, versions = excluded.versions',
      current.generation,
      current.revision,
      JSON.stringify(current.versions),
    )
  }

  private order(text: string, batch: Batch, epoch: number): { text: string; batch: Batch }[] {
    const expected = this.expectedOf(batch.o, epoch)
    if (expected === null || batch.n < expected.next) return []
    const { o: origin, n: no } = batch
    if (no > expected.next) {
      this.hold(origin, no, text, expected)
      return []
    }
    const released = [{ text, batch }]
    expected.next += 1
    while (this.held.delete(`${origin}/${expected.next}`)) {
      const next = this.takeHeld(origin, expected.next)
      const waiting = asBatch(next)
      if (waiting !== null) released.push({ text: next, batch: waiting })
      expected.next += 1
    }
    this.run('UPDATE origin SET next = ? WHERE id = ?', expected.next, origin)
    return released
  }

  /** Where the origin stands; a new epoch begins at 1 and drops what waited; null for an epoch that is over. */
  private expectedOf(origin: string, epoch: number): Expected | null {
    const known = this.origins.get(origin)
    if (known !== undefined && epoch < known.epoch) return null
    if (known !== undefined && epoch === known.epoch) return known
    const fresh = { epoch, next: 1 }
    this.origins.set(origin, fresh)
    this.run(
      'INSERT INTO origin (id, epoch, next) VALUES (?, ?, 1) ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, next = 1',
      origin,
      epoch,
    )
    this.run('DELETE FROM held_batch WHERE origin = ?', origin)
    for (const key of this.held) if (key.startsWith(`${origin}/`)) this.held.delete(key)
    return fresh
  }

  private hold(origin: string, no: number, text: string, expected: Expected): void {
    const key = `${origin}/${no}`
    // The origin writes it again until it is applied, so nothing is lost by not keeping it.
    if (no - expected.next > heldBatches || this.held.has(key)) return
    this.held.add(key)
    this.run('INSERT INTO held_batch (origin, no, text) VALUES (?, ?, ?)', origin, no, text)
  }

  private takeHeld(origin: string, no: number): string {
    const text = this.statement('SELECT text FROM held_batch WHERE origin = ? AND no = ?')
      .pluck()
      .get(origin, no) as string
    this.run('DELETE FROM held_batch WHERE origin = ? AND no = ?', origin, no)
    return text
  }

  private readonly statements = new Map<string, Database.Statement>()

  private run(sql: string, ...args: unknown[]): void {
    this.statement(sql).run(...args)
  }

  private statement(sql: string): Database.Statement {
    let statement = this.statements.get(sql)
    if (statement === undefined) {
      statement = this.db.prepare(sql)
      this.statements.set(sql, statement)
    }
    return statement
  }
}

/** A batch that an origin numbered; null when the text is something else, which is then passed over on every node alike. */
function asBatch(text: string): Batch | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  const { o, n, e, at, c } = value as Partial<Record<keyof Batch, unknown>>
  const numbers = [n, at].every((x) => typeof x === 'number' && Number.isFinite(x))
  const epoch = e === undefined || Number.isSafeInteger(e)
  if (typeof o !== 'string' || !numbers || !epoch || !Array.isArray(c)) return null
  return value as Batch
}
