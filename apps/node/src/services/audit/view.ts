import type { AuditView } from '@holdfast/api/services'
import { parseEvent } from './chain.ts'

/** Characters of a text that is no event which are shown; enough to see what it was. */
const shownChars = 1000

/**
 * A row as people see it. A row that somebody tampered with is shown as it stands: one that cannot be read must not
 * hide the others, and what it says is for the verifier to judge.
 */
export function auditView(row: { seq: number; event: string; hash: Uint8Array }): AuditView {
  const hash = Buffer.from(row.hash).toString('hex')
  try {
    const { seq, at, actor, actorName, action, target, outcome, remote, detail } = parseEvent(row.event)
    return { seq, at, actor, actorName, action, target, outcome, remote, detail, hash }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    const detail = { why: error.message, text: row.event.slice(0, shownChars) }
    return { ...unreadable, seq: row.seq, detail, hash }
  }
}

const unreadable = {
  at: 0,
  actor: '',
  actorName: '',
  action: 'audit.unreadable',
  target: '',
  outcome: 'refused',
  remote: '',
} as const
