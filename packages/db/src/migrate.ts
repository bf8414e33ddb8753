/**
 * Brings a database to the schema of this version, with the bookkeeping of `prisma migrate deploy` and none of Prisma.
 *
 * 1. Read the migrations of this version and those that the database has.
 * 2. Refuse what does not fit: unknown (newer), edited, unfinished, out of order.
 * 3. Apply what is missing, check the foreign keys and keep the books, all in one exclusive transaction, so that a crash
 *    at any moment leaves the database as it was.
 */
import { createHash, randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type Database from 'better-sqlite3'
import { errorCode, errorMessage, MigrationError, OpenError } from './errors.ts'
import { explain } from './open.ts'

/** The table of Prisma's schema engine, as it makes it. */
const booksTable = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
    "id"                    TEXT PRIMARY KEY NOT NULL,
    "checksum"              TEXT NOT NULL,
    "finished_at"           DATETIME,
    "migration_name"        TEXT NOT NULL,
    "logs"                  TEXT,
    "rolled_back_at"        DATETIME,
    "started_at"            DATETIME NOT NULL DEFAULT current_timestamp,
    "applied_steps_count"   INTEGER UNSIGNED NOT NULL DEFAULT 0
)`

/** Broken references named in an error; there can be one per row. */
const namedViolations = 3

interface Migration {
  name: string
  sql: string
  /** SHA-256 of the SQL text, hex. */
  checksum: string
}

interface Applied {
  name: string
  checksum: string
  finishedAt: unknown
}

/**
 * Applies the migrations of `folder` that `db` lacks and returns their names; none when the database is current.
 * `now` gives milliseconds since 1970 for the books.
 * @throws MigrationError in one line; the database is unchanged then
 * @throws OpenError when pages of the file are damaged, which opening it does not see
 */
export function migrate(db: Database.Database, folder: string, now: () => number = Date.now): string[] {
  try {
    return applyMissing(db, folder, now)
  } catch (error) {
    if (!errorCode(error).startsWith('SQLITE_CORRUPT')) throw error
    throw new OpenError(db.name, explain(db.name, error), { cause: error })
  }
}

function applyMissing(db: Database.Database, folder: string, now: () => number): string[] {
  const known = readMigrations(db.name, folder)
  if (pending(db, known).length === 0) return []
  // Tables are rebuilt by dropping them, which must not cascade; the pragma does nothing inside a transaction.
  const foreignKeys = db.pragma('foreign_keys', { simple: true }) === 1
  db.pragma('foreign_keys = OFF')
  try {
    begin(db)
    // Read again under the lock: another process may have migrated meanwhile.
    const missing = pending(db, known)
    db.exec(booksTable)
    for (const migration of missing) apply(db, migration, now)
    checkReferences(db, missing)
    db.exec('COMMIT')
    return missing.map((migration) => migration.name)
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK')
    throw error
  } finally {
    db.pragma(`foreign_keys = ${foreignKeys ? 'ON' : 'OFF'}`)
  }
}

function readMigrations(file: string, folder: string): Migration[] {
  try {
    const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    const migrations = names.map(({ name }) => {
      const sql = readFileSync(join(folder, name, 'migration.sql'), 'utf8')
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    })
    if (migrations.length === 0) throw new Error('it holds no migration')
    return migrations.sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (error) {
    throw new MigrationError(
      'folder',
      { file, migration: '' },
      `the migrations in ${folder} cannot be read (${errorMessage(error)}): install Holdfast again`,
      { cause: error },
    )
  }
}

/** The known migrations that the database lacks, in order. */
function pending(db: Database.Database, known: Migration[]): Migration[] {
  const applied = readApplied(db)
  for (const row of applied) {
    refuseUnfit(
      db,
      row,
      known.find((migration) => migration.name === row.name),
    )
  }
  const done = new Set(applied.map((row) => row.name))
  const missing = known.filter((migration) => !done.has(migration.name))
  const newest = applied.at(-1)?.name ?? ''
  const late = missing.find((migration) => migration.name < newest)
  if (late !== undefined) {
    throw fault('out-of-order', db, late.name, {
      what: `has migration ${newest} but not the earlier ${late.name}`,
      mend: 'restore a backup made before the update, or install the version that wrote it',
    })
  }
  return missing
}

function readApplied(db: Database.Database): Applied[] {
  const books = db.prepare(`SELECT 1 FROM sqlite_schema WHERE name = '_prisma_migrations'`).get()
  if (books === undefined) return []
  return db
    .prepare<[], Applied>(
      `SELECT migration_name AS name, checksum, finished_at AS finishedAt FROM "_prisma_migrations"
       WHERE rolled_back_at IS NULL ORDER BY migration_name`,
    )
    .all()
}

function refuseUnfit(db: Database.Database, row: Applied, known: Migration | undefined): void {
  if (known === undefined) {
    throw fault('newer', db, row.name, {
      what: `was made by a newer Holdfast (migration ${row.name} is unknown here)`,
      mend: 'install that version or restore a backup',
    })
  }
  if (row.finishedAt === null) {
    throw fault('unfinished', db, row.name, {
      what: `holds migration ${row.name} half applied`,
      mend: 'restore a backup made before the update',
    })
  }
  if (known.checksum !== row.checksum) {
    throw fault('edited', db, row.name, {
      what: `was made with another text of migration ${row.name} than the one installed here`,
      mend: 'install the version that wrote it, or restore a backup',
    })
  }
}

function begin(db: Database.Database): void {
  try {
    db.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    if (!errorCode(error).startsWith('SQLITE_BUSY')) throw error
    const what = 'is being changed by another program'
    throw fault('busy', db, '', { what, mend: 'stop it and start again' }, error)
  }
}

function apply(db: Database.Database, migration: Migration, now: () => number): void {
  const startedAt = stamp(now())
  try {
    db.exec(migration.sql)
  } catch (error) {
    const what = `could not take migration ${migration.name} and was left as it was (${errorMessage(error)})`
    const mend = 'go back to the version before, and report this text'
    throw fault('failed', db, migration.name, { what, mend }, error)
  }
  db.prepare(
    `INSERT INTO "_prisma_migrations" (id, checksum, started_at, finished_at, migration_name, applied_steps_count)
     VALUES (?, ?, ?, ?, ?, 1)`,
  ).run(randomUUID(), migration.checksum, startedAt, stamp(now()), migration.name)
}

function checkReferences(db: Database.Database, applied: Migration[]): void {
  const violations = db.pragma('foreign_key_check') as {
    table: string
    rowid: number | null
    parent: string
  }[]
  if (violations.length === 0) return
  const named = violations.slice(0, namedViolations)
  const places = named.map(({ table, rowid, parent }) => `${table} row ${rowid} without its ${parent}`)
  throw fault('failed', db, applied.at(-1)?.name ?? '', {
    what: `has ${violations.length} broken references (${places.join(', ')}) and was left as it was`,
    mend: 'restore a backup',
  })
}

function fault(
  kind: MigrationError['fault'],
  db: Database.Database,
  migration: string,
  text: { what: string; mend: string },
  cause?: unknown,
): MigrationError {
  const about = { file: db.name, migration }
  return new MigrationError(kind, about, `${basename(db.name)} ${text.what}: ${text.mend}`, { cause })
}

/** Prisma's format for times in SQLite. */
function stamp(atMs: number): string {
  return new Date(atMs).toISOString().replace('Z', '+00:00')
}
