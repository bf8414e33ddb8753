/** Questions that the reader thread answers: reads of messages, which may take longer than a point read. */

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

export type ReaderQuestions = {
  page: { question: PageQuestion; answer: PageAnswer }
  search: { question: SearchQuestion; answer: SearchAnswer }
  stats: { question: null; answer: StatsAnswer }
  pauseIndex: { question: boolean; answer: null }
}

export interface ReaderData {
  databaseFile: string
  searchFile: string
}
/** Entries were stored or expired; `busy` while the node has more urgent work than indexing. */
export interface Dirty {
  t: 'dirty'
  busy: boolean
}
