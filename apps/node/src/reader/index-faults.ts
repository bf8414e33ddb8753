/** What can go wrong with the index's file, by SQLite's codes, also where another error carries SQLite's as its cause. */
function sqliteCode(error: unknown): string {
  for (let each = error; each instanceof Error; each = each.cause) {
    if ('code' in each && typeof each.code === 'string' && each.code.startsWith('SQLITE_')) return each.code
  }
  return ''
}

/** The file is no database, or one that is broken inside. */
export function isDamage(error: unknown): boolean {
  const code = sqliteCode(error)
  return code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB'
}

/** The disk took no more. */
export function isFull(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === 'SQLITE_FULL' || code.startsWith('SQLITE_IOERR')
}
