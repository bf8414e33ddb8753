/** Questions that the reader thread answers: everything that may take longer than a point read. */
import type { AuditVerdict } from '@holdfast/api/services'

export interface PageQuestion {
  channelNo: number
  channelId: string
  /** Entries below this sequence, the newest of them. */
  before?: number | undefined
  /** Entries above this sequence, the oldest of them. */
  after?: number | undefined
  limit: number
}
export interface PageAnswer {
  /** JSON texts of the entries joined by commas, oldest first. */
  text: string
  count: number
  /** Whether there are entries beyond the page in the direction asked. */
  more: boolean
}
export interface SearchQuestion {
  text: string
  channels: { no: number; id: string }[]
  senderNo?: number | undefined
  offset: number
  limit: number
}
export interface SearchAnswer {
  hits: { channelId: string; entry: string; snippet: string }[]
  more: boolean
  lag: number
}
export interface StatsAnswer {
  messages: number
  databaseBytes: number
  searchLag: number
}
export interface AuditVerifyQuestion {
  directory: string
  database: string
  /** Newest event that is known to be in the files; later ones may be on their way. */
  settledSeq?: number
}

export interface Questions {
  page: { question: PageQuestion; answer: PageAnswer }
  search: { question: SearchQuestion; answer: SearchAnswer }
  stats: { question: null; answer: StatsAnswer }
  auditVerify: { question: AuditVerifyQuestion; answer: AuditVerdict }
  auditRows: {
    question: { fromSeq: number; limit: number }
    answer: { seq: number; event: string; hash: Uint8Array }[]
  }
}
export type QuestionName = keyof Questions

export interface ReaderData {
  databaseFile: string
  searchFile: string
}
export type ToReader =
  | { t: 'ask'; id: number; name: QuestionName; question: unknown }
  /** Entries were stored or expired; `busy` while the node has more urgent work than indexing. */
  | { t: 'dirty'; busy: boolean }
  | { t: 'close' }
export type FromReader =
  | { t: 'ready' }
  | { t: 'answer'; id: number; answer: unknown }
  | { t: 'error'; id: number; message: string }
  | { t: 'closed' }
