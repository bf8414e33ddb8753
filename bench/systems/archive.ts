import { readFileSync } from 'node:fs'
import Database from 'better-sqlite3'

/** The answer of a `SELECT COUNT(*)` on a server's own database file, which is opened for reading only. */
export function countRows(file: string, query: string): number {
  const database = new Database(file, { readonly: true })
  try {
    return database.prepare(query).pluck().get() as number
  } finally {
    database.close()
  }
}

/** SQLite keeps the mode in the file, so that a server which never asks for one can be given either. */
export type JournalMode = 'DELETE' | 'WAL'

export const describeJournal: Record<JournalMode, string> = {
  DELETE: "SQLite's default journal, as the package leaves it",
  WAL: 'tuned: the database was put into write-ahead mode beforehand',
}

/** Makes a server's database file before the server does: with its own schema, in the given journal mode. */
export function prepareDatabase(
  file: string,
  options: { journalMode: JournalMode; schemaFile?: string },
): void {
  const database = new Database(file)
  try {
    database.pragma(`journal_mode = ${options.journalMode}`)
    if (options.schemaFile) database.exec(readFileSync(options.schemaFile, 'utf8'))
  } finally {
    database.close()
  }
}
