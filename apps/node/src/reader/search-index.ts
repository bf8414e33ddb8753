import type Database from 'better-sqlite3'
import { messageKey } from '../state/keys.ts'
import { type EntryRow, entryColumns, entryText } from './pages.ts'
import type { SearchAnswer, SearchQuestion } from './protocol.ts'

/** Entries indexed in one go; the reader answers questions in between. */
const chunkEntries = 500
/** Words of a search that count; more are left out. */
const maxWords = 12

interface Position {
  no: number
  id: string
  head: number
  floor: number
  seq: number | null
  indexedFloor: number | null
}

/**
 * The full-text index: a database of its own beside cluster.db, derived from it and made anew when it is missing.
 * Each channel has a position, so it continues where it stopped; the log never waits for it.
 */
export class SearchIndex {
  private readonly cluster: Database.Database
  private readonly index: Database.Database

  constructor(cluster: Database.Database, index: Database.Database) {
    this.cluster = cluster
    this.index = index
  }

  open(): void {
    this.index.exec(`
      CREATE VIRTUAL TABLE IF NOT EXISTS entry USING fts5(body, content='', contentless_delete=1, tokenize="unicode61 remove_diacritics 2");
      CREATE TABLE IF NOT EXISTS position (channelNo INTEGER PRIMARY KEY, seq INTEGER NOT NULL, floor INTEGER NOT NULL) STRICT;
      CREATE VIRTUAL TABLE IF NOT EXISTS temp.shown USING fts5(body, tokenize="unicode61 remove_diacritics 2");
    `)
  }

  close(): void {
    this.index.close()
  }

  /** Entries stored and not yet indexed. */
  lag(): number {
    return this.behind().reduce((sum, p) => sum + p.head - Math.max(p.seq ?? 0, p.floor - 1), 0)
  }

  /** Indexes up to chunkEntries entries; false when there was nothing to do. */
  step(): boolean {
    const [position] = this.behind()
    if (position === undefined) return false
    this.index.transaction(() => this.advance(position))()
    return true
  }

  private behind(): Position[] {
    const known = new Map(
      (
        this.index.prepare('SELECT channelNo, seq, floor FROM position').all() as {
          channelNo: number
          seq: number
          floor: number
        }[]
      ).map((p) => [p.channelNo, p]),
    )
    const channels = this.cluster.prepare('SELECT no, id, head, floor FROM channel WHERE head > 0').all() as {
      no: number
      id: string
      head: number
      floor: number
    }[]
    return channels
      .map((c) => ({ ...c, seq: known.get(c.no)?.seq ?? null, indexedFloor: known.get(c.no)?.floor ?? null }))
      .filter((c) => c.head > (c.seq ?? 0) || c.floor > (c.indexedFloor ?? 1))
  }

  private advance({ no, id, floor, seq, indexedFloor }: Position): void {
    const { cluster, index } = this
    if (floor > (indexedFloor ?? 1))
      index
        .prepare('DELETE FROM entry WHERE rowid >= ? AND rowid < ?')
        .run(messageKey(no, indexedFloor ?? 1), messageKey(no, floor))
    const start = Math.max(seq ?? 0, floor - 1)
    const rows = cluster
      .prepare(
        `SELECT ${entryColumns} FROM message m JOIN person p ON p.no = m.sender WHERE m.key > ? AND m.key < ? ORDER BY m.key LIMIT ?`,
      )
      .all(messageKey(no, start), messageKey(no + 1, 0), chunkEntries) as EntryRow[]
    const insert = index.prepare('INSERT INTO entry (rowid, body) VALUES (?, ?)')
    const remove = index.prepare('DELETE FROM entry WHERE rowid = ?')
    let last = start
    for (const row of rows) {
      last = row.key - messageKey(no, 0)
      if (row.kind === 0) {
        // Behind the position nothing of it is in the index: both move in one transaction.
        if (row.body !== '') insert.run(row.key, row.body)
      } else if (row.target !== null && row.target >= floor) {
        const key = messageKey(no, row.target)
        remove.run(key)
        if (row.targetBody !== null && row.targetBody !== '') insert.run(key, row.targetBody)
      }
    }
    index
      .prepare(
        'INSERT INTO position (channelNo, seq, floor) VALUES (?, ?, ?) ON CONFLICT (channelNo) DO UPDATE SET seq = excluded.seq, floor = excluded.floor',
      )
      .run(no, last, floor)
    void id
  }

  /** Newest first, over the given channels only: what the caller may read is decided before. */
  search({ text, channels, senderNo, offset, limit }: SearchQuestion): SearchAnswer {
    const query = matchExpression(text)
    if (query === null) return { hits: [], more: false, lag: this.lag() }
    const wanted = offset + limit + 1
    const find = this.index.prepare(
      'SELECT rowid FROM entry WHERE entry MATCH ? AND rowid > ? AND rowid < ? ORDER BY rowid DESC LIMIT ?',
    )
    const read = this.cluster.prepare(
      `SELECT ${entryColumns}, m.sender FROM message m JOIN person p ON p.no = m.sender WHERE m.key = ?`,
    )
    const found: { row: EntryRow; channelId: string }[] = []
    for (const channel of channels) {
      // A sender's hits are sifted after reading, so more are looked at than asked for, within reason.
      const keys = find.all(
        query,
        messageKey(channel.no, 0),
        messageKey(channel.no + 1, 0),
        senderNo === undefined ? wanted : wanted * 20,
      ) as { rowid: number }[]
      for (const { rowid } of keys) {
        const row = read.get(rowid) as (EntryRow & { sender: number }) | undefined
        if (row === undefined || row.body === '' || (senderNo !== undefined && row.sender !== senderNo))
          continue
        found.push({ row, channelId: channel.id })
      }
    }
    found.sort((a, b) => b.row.at - a.row.at || b.row.key - a.row.key)
    const hits = found.slice(offset, offset + limit).map(({ row, channelId }) => ({
      channelId,
      entry: entryText(row, channelId),
      snippet: this.snippet(query, row.body),
    }))
    return { hits, more: found.length > offset + limit, lag: this.lag() }
  }

  /** The words found stand between U+2068 and U+2069. */
  private snippet(query: string, body: string): string {
    this.index.prepare('DELETE FROM temp.shown').run()
    this.index.prepare('INSERT INTO temp.shown (rowid, body) VALUES (1, ?)').run(body)
    const row = this.index
      .prepare(
        "SELECT snippet(shown, 0, char(0x2068), char(0x2069), '…', 24) AS snippet FROM temp.shown WHERE shown MATCH ?",
      )
      .get(query) as { snippet: string } | undefined
    return row?.snippet ?? body.slice(0, 200)
  }
}

/** A shorter beginning of a word would match too much of the language to be worth its cost. */
const prefixLetters = 3

/**
 * All words must occur; the last one may be unfinished. Everything is quoted, so that no input is FTS5 syntax.
 * Null when there is no word.
 */
export function matchExpression(text: string): string | null {
  const words = text.match(/[\p{L}\p{N}]+/gu)?.slice(0, maxWords)
  if (!words || words.length === 0) return null
  const isPrefix = (word: string, i: number) => i === words.length - 1 && word.length >= prefixLetters
  return words.map((word, i) => (isPrefix(word, i) ? `"${word}"*` : `"${word}"`)).join(' ')
}
