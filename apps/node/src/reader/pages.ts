import { limits } from '@holdfast/api/contract/limits'
import { type EntryKind, entryKinds, priorities } from '@holdfast/api/contract/names'
import type Database from 'better-sqlite3'
import { messageKey, seqOf } from '../state/keys.ts'
import type { PageAnswer, PageQuestion } from './protocol.ts'

export interface EntryRow {
  key: number
  clientId: string
  at: number
  kind: number
  priority: number
  target: number | null
  revision: number | null
  body: string
  fromId: string
  /** Current text of the entry that an edit changes. */
  targetBody: string | null
}

/** An edit entry stores no text: it shows what its target says now, so that deleted words are gone everywhere. */
export const entryColumns = `m.key, m.clientId, m.at, m.kind, m.priority, m.target, m.revision, m.body, p.id AS fromId,
  CASE WHEN m.kind = 1 THEN (SELECT t.body FROM message t WHERE t.key = m.key - m.key % 4294967296 + m.target) END AS targetBody`

/** JSON text of one entry as the protocol has it (contract/frames.ts `Entry`). */
export function entryText(row: EntryRow, channelId: string): string {
  const kind = entryKinds[row.kind] as EntryKind
  let text = `{"channel":"${channelId}","seq":${seqOf(row.key)},"id":${JSON.stringify(row.clientId)},"from":"${row.fromId}","at":${row.at},"kind":"${kind}","body":${JSON.stringify(row.targetBody ?? row.body)}`
  if (row.priority !== 0) text += `,"priority":"${priorities[row.priority]}"`
  if (row.target !== null) text += `,"target":${row.target}`
  if (row.revision !== null) text += `,"revision":${row.revision}`
  if (row.kind === 0 && row.body === '') text += ',"deleted":true'
  return `${text}}`
}

/** Reads pages of a channel's entries; every page is one range scan of the message table. */
export class Pages {
  private readonly forward: Database.Statement
  private readonly backward: Database.Statement

  constructor(db: Database.Database) {
    const from = `SELECT ${entryColumns} FROM message m JOIN person p ON p.no = m.sender WHERE m.key > ? AND m.key < ? ORDER BY m.key`
    this.forward = db.prepare(`${from} LIMIT ?`)
    this.backward = db.prepare(`${from} DESC LIMIT ?`)
  }

  page({ channelNo, channelId, before, after, limit }: PageQuestion): PageAnswer {
    const low = messageKey(channelNo, after ?? 0)
    const high = before === undefined ? messageKey(channelNo + 1, 0) : messageKey(channelNo, before)
    const ascending = after !== undefined
    const rows = (ascending ? this.forward : this.backward).all(low, high, limit + 1) as EntryRow[]
    const texts: string[] = []
    let bytes = 0
    for (const row of rows) {
      if (texts.length === limit || bytes > limits.pageBytes) break
      const text = entryText(row, channelId)
      bytes += Buffer.byteLength(text)
      texts.push(text)
    }
    if (!ascending) texts.reverse()
    return { text: texts.join(','), count: texts.length, more: rows.length > texts.length }
  }
}
