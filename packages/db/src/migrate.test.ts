import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { MigrationError } from './errors.ts'
import { migrate } from './migrate.ts'
import { openDatabase } from './open.ts'
import { clusterMigrations, nodeMigrations } from './paths.ts'
import { temporaryFolder } from './test-folder.ts'

const first = 'CREATE TABLE "a" ("id" INTEGER PRIMARY KEY, "name" TEXT NOT NULL);'
const second = 'CREATE TABLE "b" ("id" INTEGER PRIMARY KEY, "aId" INTEGER NOT NULL REFERENCES "a" ("id"));'

function writeMigration(folder: string, name: string, sql: string): void {
  mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, name, 'migration.sql'), sql)
}

/** A database and a folder with one migration, which the database has. */
function older(home: string): { db: Database.Database; folder: string; file: string } {
  const folder = join(home, 'migrations')
  writeMigration(folder, '0001_init', first)
  const file = join(home, 'cluster.db')
  const db = openDatabase(file, { role: 'writer' })
  expect(migrate(db, folder)).toEqual(['0001_init'])
  return { db, folder, file }
}

function refusal(db: Database.Database, folder: string): MigrationError {
  try {
    migrate(db, folder)
  } catch (error) {
    if (error instanceof MigrationError) {
      expect(error.message).not.toContain('\n')
      return error
    }
    throw error
  }
  throw new Error('the migration was not refused')
}

/** Schema and books, to compare before and after. */
function contents(db: Database.Database): unknown {
  return [
    db.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all(),
    db.prepare('SELECT migration_name, checksum, finished_at FROM _prisma_migrations ORDER BY 1').all(),
  ]
}

describe('migrate', () => {
  it.each([
    ['cluster.db', clusterMigrations],
    ['node.db', nodeMigrations],
  ])('brings a new %s to the newest schema, and leaves a current one alone', (name, folder) => {
    using home = temporaryFolder()
    const db = openDatabase(join(home.path, name), { role: 'writer' })
    const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    expect(migrate(db, folder)).toEqual(names.map((entry) => entry.name).sort())
    const before = contents(db)
    expect(migrate(db, folder)).toEqual([])
    expect(contents(db)).toEqual(before)
    expect(db.pragma('foreign_keys', { simple: true })).toBe(1)
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    db.close()
  })

  it('works on a current database that is open for reading only', () => {
    using home = temporaryFolder()
    const { db, folder, file } = older(home.path)
    const reader = openDatabase(file, { role: 'reader', readonly: true })
    expect(migrate(reader, folder)).toEqual([])
    reader.close()
    db.close()
  })

  it('adds what an older database lacks and keeps its rows', () => {
    using home = temporaryFolder()
    const { db, folder } = older(home.path)
    db.prepare(`INSERT INTO a VALUES (1, 'kept')`).run()
    writeMigration(folder, '0002_b', second)
    writeMigration(
      folder,
      '0003_more',
      'ALTER TABLE a ADD COLUMN "note" TEXT; CREATE INDEX "a_name" ON a (name);',
    )
    expect(migrate(db, folder, () => 0)).toEqual(['0002_b', '0003_more'])
    expect(db.prepare('SELECT * FROM a').all()).toEqual([{ id: 1, name: 'kept', note: null }])
    const finished = db.prepare(
      `SELECT finished_at FROM _prisma_migrations WHERE migration_name = '0003_more'`,
    )
    expect(finished.pluck().get()).toBe('1970-01-01T00:00:00.000+00:00')
    db.close()
  })

  it('rebuilds a table that others refer to, without the references cascading', () => {
    using home = temporaryFolder()
    const { db, folder } = older(home.path)
    writeMigration(
      folder,
      '0002_b',
      second.replace('REFERENCES "a" ("id")', 'REFERENCES "a" ("id") ON DELETE CASCADE'),
    )
    migrate(db, folder)
    db.exec(`INSERT INTO a VALUES (1, 'one'); INSERT INTO b VALUES (7, 1);`)
    const rebuild = `CREATE TABLE new_a ("id" INTEGER PRIMARY KEY, "name" TEXT);
      INSERT INTO new_a SELECT * FROM a; DROP TABLE a; ALTER TABLE new_a RENAME TO a;`
    writeMigration(folder, '0003_rebuild', rebuild)
    migrate(db, folder)
    expect(db.prepare('SELECT * FROM b').all()).toEqual([{ id: 7, aId: 1 }])
    db.close()
  })

  it('names a file with damaged pages, and what to do', () => {
    using home = temporaryFolder()
    const { db, folder, file } = older(home.path)
    db.close()
    const bytes = readFileSync(file)
    const pageBytes = bytes.readUInt16BE(16)
    // The schema's page stays whole, so that the file opens.
    bytes.fill(0x77, pageBytes)
    writeFileSync(file, bytes)
    const damaged = openDatabase(file, { role: 'writer' })
    expect(() => migrate(damaged, folder)).toThrow(
      `${file} is damaged (database disk image is malformed): restore cluster.db from a backup`,
    )
    damaged.close()
  })

  it('refuses a database of a newer version', () => {
    using home = temporaryFolder()
    const { db, folder } = older(home.path)
    const newer = join(home.path, 'newer')
    cpSync(folder, newer, { recursive: true })
    writeMigration(newer, '0007_x', second)
    migrate(db, newer)
    const before = contents(db)
    const error = refusal(db, folder)
    expect(error).toMatchObject({ fault: 'newer', migration: '0007_x', file: db.name })
    expect(error.message).toBe(
      'cluster.db was made by a newer Holdfast (migration 0007_x is unknown here): install that version or restore a backup',
    )
    expect(contents(db)).toEqual(before)
    db.close()
  })

  it('refuses a migration that was edited after it was applied', () => {
    using home = temporaryFolder()
    const { db, folder } = older(home.path)
    const before = contents(db)
    writeMigration(folder, '0001_init', `${first} -- edited`)
    writeMigration(folder, '0002_b', second)
    expect(refusal(db, folder)).toMatchObject({ fault: 'edited', migration: '0001_init' })
    expect(contents(db)).toEqual(before)
    db.close()
  })

  it('refuses a migration that Prisma began and did not finish', () => {
    using home = temporaryFolder()
    const { db, folder } = older(home.path)
    writeMigration(folder, '0002_b', second)
    db.prepare(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', 'y', '0002_b')`,
    ).run()
    expect(refusal(db, folder)).toMatchObject({ fault: 'unfinished', migration: '0002_b' })
    db.prepare(`UPDATE _prisma_migrations SET rolled_back_at = current_timestamp WHERE id = 'x'`).run()
    expect(migrate(db, folder)).toEqual(['0002_b'])
    db.close()
  })

  it('refuses a migration that would go in before one that is applied', () => {
    using home = temporaryFolder()
    const { db, folder } = older(home.path)
    writeMigration(folder, '0000_early', second)
    expect(refusal(db, folder)).toMatchObject({ fault: 'out-of-order', migration: '0000_early' })
    db.close()
  })

  it('leaves everything as it was when a statement fails', () => {
    using home = temporaryFolder()
    const { db, folder } = older(home.path)
    const before = contents(db)
    writeMigration(folder, '0002_b', second)
    writeMigration(folder, '0003_bad', `INSERT INTO a VALUES (1, 'x'); CREATE TABLE a (id);`)
    const error = refusal(db, folder)
    expect(error).toMatchObject({ fault: 'failed', migration: '0003_bad' })
    expect(error.message).toContain('table a already exists')
    expect(contents(db)).toEqual(before)
    expect(db.inTransaction).toBe(false)
    expect(db.pragma('foreign_keys', { simple: true })).toBe(1)
    db.close()
  })

  it('refuses a result with broken references', () => {
    using home = temporaryFolder()
    const { db, folder } = older(home.path)
    const before = contents(db)
    writeMigration(folder, '0002_b', `${second} INSERT INTO b VALUES (1, 99), (2, 98);`)
    const error = refusal(db, folder)
    expect(error.fault).toBe('failed')
    expect(error.message).toContain('2 broken references (b row 1 without its a, b row 2 without its a)')
    expect(contents(db)).toEqual(before)
    db.close()
  })

  it('survives a kill between two statements: nothing of the migration is there, and the next start applies it', () => {
    using home = temporaryFolder()
    const { db, folder, file } = older(home.path)
    const before = contents(db)
    db.close()
    const rows = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)'
    const fill = `CREATE TABLE big (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
      INSERT INTO big ${rows} SELECT i, hex(randomblob(50)) FROM n;`
    const deadly = join(home.path, 'deadly')
    cpSync(folder, deadly, { recursive: true })
    writeMigration(deadly, '0002_big', `${fill} INSERT INTO a VALUES (die(), 'never');`)
    const program = join(import.meta.dirname, 'test-programs', 'die-in-migration.ts')
    const run = spawnSync(process.execPath, [program, file, deadly], { encoding: 'utf8' })
    expect([run.signal, run.stdout]).toEqual(['SIGKILL', ''])
    // The crash left pages of the open transaction in the log, else this test would prove little.
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(1_000_000)

    const again = openDatabase(file, { role: 'writer' })
    expect(contents(again)).toEqual(before)
    expect(again.pragma('integrity_check', { simple: true })).toBe('ok')
    writeMigration(folder, '0002_big', fill)
    expect(migrate(again, folder)).toEqual(['0002_big'])
    expect(again.prepare('SELECT count(*) FROM big').pluck().get()).toBe(20_000)
    again.close()
  })

  it('says that another program has the database', () => {
    using home = temporaryFolder()
    const { db, folder, file } = older(home.path)
    const other = openDatabase(file, { role: 'writer' })
    other.exec('BEGIN IMMEDIATE')
    writeMigration(folder, '0002_b', second)
    db.pragma('busy_timeout = 0')
    expect(refusal(db, folder)).toMatchObject({ fault: 'busy' })
    other.exec('ROLLBACK')
    expect(migrate(db, folder)).toEqual(['0002_b'])
    other.close()
    db.close()
  })

  it('says that its migrations are missing', () => {
    using home = temporaryFolder()
    const db = openDatabase(join(home.path, 'cluster.db'), { role: 'writer' })
    const folder = join(home.path, 'nowhere')
    expect(refusal(db, folder).message).toContain(`the migrations in ${folder} cannot be read`)
    mkdirSync(folder)
    expect(refusal(db, folder).message).toContain('it holds no migration')
    expect(existsSync(`${db.name}-journal`)).toBe(false)
    db.close()
  })
})
