import type Database from 'better-sqlite3'
import { type LeafRange, leafHash, RangeRoots } from './merkle.ts'

/** Rows hashed at once; between them the thread answers others. */
const pageRows = 2000

type Row = [seq: number, event: Buffer]

/** Hashes over the events of a database, for the tree. */
export class AuditTree {
  readonly #rows: Database.Statement<[number, number], Row>

  constructor(db: Database.Database) {
    this.#rows = db.prepare<[number, number], Row>(
      'SELECT seq, CAST(event AS BLOB) FROM audit_event WHERE seq >= ? ORDER BY seq LIMIT ?',
    )
    this.#rows.raw()
  }

  /** Leaf hashes from an event on, in order and without a gap: what is missing ends them. */
  leaves(fromSeq: number, limit: number): Buffer[] {
    const leaves: Buffer[] = []
    for (const [seq, event] of this.#rows.iterate(fromSeq, limit)) {
      if (seq !== fromSeq + leaves.length) break
      leaves.push(leafHash(event))
    }
    return leaves
  }

  /**
   * Roots of ranges of leaves, for a proof; reads each event in them once.
   * @throws RangeError when events are missing
   */
  async roots(ranges: readonly LeafRange[]): Promise<Buffer[]> {
    const roots = new RangeRoots(ranges)
    let next = Math.min(...ranges.map(([start]) => start))
    const end = Math.max(...ranges.map(([, last]) => last))
    while (next < end) {
      const leaves = this.leaves(next + 1, Math.min(pageRows, end - next))
      if (leaves.length === 0) break
      for (const [i, leaf] of leaves.entries()) roots.add(next + i, () => leaf)
      next += leaves.length
      await new Promise((resolve) => setImmediate(resolve))
    }
    return roots.roots()
  }
}
