/**
 * Proves the audit log: every byte of the segment files, and every row of the database, against the chain.
 *
 * 1. Each line's hash must be that of the line before extended by its text; each segment must continue the one before.
 * 2. Each event must be the one in the database's audit_event, whose rows form the same chain.
 * 3. The newest event must be the one that the state machine applied last: files that end early are found by it.
 * 4. The events must have the roots that nodes signed in checkpoints, which must be there: a history that was rewritten
 *    whole is found by it.
 *
 * Without a database, 2 to 4 are left out: then whole lines cut off the end cannot be noticed.
 */
import { basename, join } from 'node:path'
import type { AuditVerdict } from '@holdfast/api/services'
import { listSegments, maxLineBytes } from './segment-format.ts'
import { FileChain } from './verify-chain.ts'
import type { OwnKey } from './verify-checkpoints.ts'
import { Faults } from './verify-faults.ts'
import { rawLines } from './verify-lines.ts'
import { DatabaseChain } from './verify-rows.ts'

export interface VerifyOptions {
  /** Folder of the segment files. */
  directory: string
  /** Path of cluster.db. */
  database?: string
  /**
   * For a node that runs: the newest event that is known to be on disk (`AuditSegments.flush`). Events after it may be
   * on their way into the files. Absent: the node is stopped, and everything has to be there.
   */
  settledSeq?: number
  /** Text of a checkpoint that was kept elsewhere. */
  against?: string
  /** Of the node whose log it is, to be checked against what it published. */
  key?: OwnKey
}

/**
 * Streams through everything with bounded memory; gives other work of the thread a turn after each piece.
 * What does not verify is told in the verdict; nothing is changed.
 */
export async function verifyAudit(options: VerifyOptions): Promise<AuditVerdict> {
  const startedAt = performance.now()
  const faults = new Faults()
  const chain = new FileChain(faults)
  const names = await segmentsOf(options.directory, faults)
  using rows = openRows(options, faults)
  try {
    const settledSeq = options.settledSeq ?? null
    for (const name of names) {
      await checkSegment({ path: join(options.directory, name), name, settledSeq }, chain, rows)
    }
    rows?.finish(options.settledSeq ?? rows.headSeq)
  } catch (error) {
    // A disk or a database that cannot be read to its end proves nothing.
    faults.add(`the check ended early: ${(error as Error).message}`)
  }
  return {
    ok: !faults.any,
    events: chain.events,
    segments: names.length,
    head: chain.hash.toString('hex'),
    checkpoints: rows?.checkpoints.agreeing ?? 0,
    against: rows?.checkpoints.against ?? null,
    faults: faults.list(),
    tookMs: Math.round(performance.now() - startedAt),
  }
}

/** A database that cannot be read is a fault of the log, not of the check. */
function openRows({ database: path, against, key }: VerifyOptions, faults: Faults): DatabaseChain | null {
  if (path === undefined) return null
  try {
    return new DatabaseChain(path, {
      name: basename(path),
      faults,
      ...(against !== undefined && { against }),
      ...(key && { key }),
    })
  } catch (error) {
    faults.add(`${basename(path)}: ${(error as Error).message}`)
    return null
  }
}

async function segmentsOf(directory: string, faults: Faults): Promise<string[]> {
  try {
    return await listSegments(directory)
  } catch (error) {
    faults.add(`the folder of the audit files cannot be read: ${(error as Error).message}`)
    return []
  }
}

interface Segment {
  path: string
  name: string
  /** The node may be writing behind this event right now; null: nobody writes. */
  settledSeq: number | null
}

async function checkSegment(segment: Segment, chain: FileChain, rows: DatabaseChain | null): Promise<void> {
  const { path, name, settledSeq } = segment
  const beingWritten = () =>
    settledSeq !== null && chain.seq >= Math.min(settledSeq, rows?.headSeq ?? settledSeq)
  // What is written while the check runs is not in the database as it was when the check began.
  const beyond = () => settledSeq !== null && rows !== null && chain.seq >= rows.headSeq
  if (beyond()) return
  let begun = false
  for await (const lines of rawLines(path, maxLineBytes)) {
    for (const line of lines) {
      if (beyond() || (line.kind === 'cut' && beingWritten())) return
      if (begun) {
        const seq = chain.event(line)
        if (seq !== null)
          rows?.compare(seq, chain.hash, () => `${name} line ${line.number} (byte ${line.offset})`)
      } else {
        begun = true
        if (!chain.header(name, line)) return
      }
    }
  }
  if (!begun && !beingWritten()) chain.emptySegment(name)
}
