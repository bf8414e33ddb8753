/** Searches, exports and verifies the audit log in a thread of its own: each may read all of it. */
import { existsSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import type { AuditQuery } from '@holdfast/api/contract/inputs'
import type { AuditVerdict } from '@holdfast/api/services'
import { openDatabase } from '@holdfast/db'
import { answerQuestions } from '../../platform/questions.ts'
import { AuditTree } from './audit-tree.ts'
import type { LeafRange } from './merkle.ts'
import type { AuditRow } from './segment-format.ts'
import { type VerifyOptions, verifyAudit } from './verify.ts'

export type AuditQuestions = {
  search: { question: AuditQuery; answer: { rows: AuditRow[]; total: number } }
  rows: { question: { fromSeq: number; limit: number }; answer: AuditRow[] }
  /** Leaf hashes of the Merkle tree (merkle.ts), one after the other in one buffer. */
  leaves: { question: { fromSeq: number; limit: number }; answer: Uint8Array }
  /** Roots of ranges of leaves, likewise. */
  roots: { question: LeafRange[]; answer: Uint8Array }
  verify: { question: VerifyOptions; answer: AuditVerdict }
}

const db = openDatabase((workerData as { databaseFile: string }).databaseFile, { role: 'reader' })
const tree = new AuditTree(db)
const rows = db.prepare('SELECT seq, event, hash FROM audit_event WHERE seq >= ? ORDER BY seq LIMIT ?')

/** Conditions of a search and what they are bound to. */
function conditions(query: AuditQuery): { where: string; values: (string | number)[] } {
  const parts: { sql: string; values: (string | number)[] }[] = []
  const { action, actor, target, text, from, to } = query
  if (action?.endsWith('.'))
    parts.push({ sql: 'action >= ? AND action < ?', values: [action, `${action.slice(0, -1)}/`] })
  else if (action) parts.push({ sql: 'action = ?', values: [action] })
  if (actor) parts.push({ sql: "(actor = ? OR event ->> 'actorName' = ?)", values: [actor, actor] })
  if (target) parts.push({ sql: 'target = ?', values: [target] })
  if (text) parts.push({ sql: 'instr(lower(event), lower(?)) > 0', values: [text] })
  if (from !== undefined) parts.push({ sql: 'at >= ?', values: [from] })
  if (to !== undefined) parts.push({ sql: 'at <= ?', values: [to] })
  const where = parts.length === 0 ? '' : `WHERE ${parts.map((part) => part.sql).join(' AND ')}`
  return { where, values: parts.flatMap((part) => part.values) }
}

answerQuestions<AuditQuestions>({
  answers: {
    search: (query) => {
      const { where, values } = conditions(query)
      const page = db.prepare(
        `SELECT seq, event, hash FROM audit_event ${where} ORDER BY seq DESC LIMIT ? OFFSET ?`,
      )
      const total = db.prepare(`SELECT count(*) FROM audit_event ${where}`).pluck()
      return {
        rows: page.all(...values, query.limit, query.offset) as AuditRow[],
        total: total.get(...values) as number,
      }
    },
    rows: ({ fromSeq, limit }) => rows.all(fromSeq, limit) as AuditRow[],
    leaves: ({ fromSeq, limit }) => Buffer.concat(tree.leaves(fromSeq, limit)),
    roots: async (ranges) => Buffer.concat(await tree.roots(ranges)),
    verify: async (question) => {
      if (!existsSync(question.directory)) throw new Error(`the folder ${question.directory} is missing`)
      return verifyAudit(question)
    },
  },
  close: () => db.close(),
})
