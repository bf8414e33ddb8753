import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { OpenError } from './errors.ts'
import { databaseLimits, openDatabase } from './open.ts'
import { temporaryFolder } from './test-folder.ts'

function refusal(path: string, role: 'writer' | 'reader'): OpenError {
  try {
    openDatabase(path, { role }).close()
  } catch (error) {
    if (error instanceof OpenError) {
      expect(error.message).not.toContain('\n')
      return error
    }
    throw error
  }
  throw new Error('the database was opened')
}

describe('openDatabase', () => {
  it('makes a file for its owner only, durable at every commit', () => {
    using home = temporaryFolder()
    const file = join(home.path, 'cluster.db')
    const db = openDatabase(file, { role: 'writer' })
    db.exec('CREATE TABLE t (x)')
    const pragma = (name: string) => db.pragma(name, { simple: true })
    expect(pragma('journal_mode')).toBe('wal')
    expect(pragma('synchronous')).toBe(2)
    expect(pragma('foreign_keys')).toBe(1)
    expect(pragma('trusted_schema')).toBe(0)
    expect(pragma('busy_timeout')).toBe(databaseLimits.busyTimeoutMs)
    expect(pragma('journal_size_limit')).toBe(databaseLimits.walBytes)
    expect(pragma('wal_autocheckpoint')).toBe(databaseLimits.checkpointPages)
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(file + suffix).mode & 0o777).toBe(0o600)
    db.close()
  })

  it('takes NORMAL when the log replays', () => {
    using home = temporaryFolder()
    const db = openDatabase(join(home.path, 'cluster.db'), { role: 'writer', synchronous: 'NORMAL' })
    expect(db.pragma('synchronous', { simple: true })).toBe(1)
    db.close()
  })

  it('gives readers what is committed and lets them change nothing', () => {
    using home = temporaryFolder()
    const file = join(home.path, 'cluster.db')
    const writer = openDatabase(file, { role: 'writer' })
    writer.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)')
    for (const readonly of [false, true]) {
      const reader = openDatabase(file, { role: 'reader', readonly })
      writer.exec('BEGIN; INSERT INTO t VALUES (2)')
      expect(reader.prepare('SELECT count(*) FROM t').pluck().get()).toBe(1)
      writer.exec('ROLLBACK')
      expect(() => reader.exec('INSERT INTO t VALUES (3)')).toThrow(/readonly/)
      reader.close()
    }
    writer.close()
  })

  it('says in one line why a file cannot be opened', () => {
    using home = temporaryFolder()
    const file = join(home.path, 'cluster.db')
    expect(refusal(file, 'reader').message).toContain(`${file} cannot be opened: check that it exists`)
    expect(refusal(join(home.path, 'no', 'cluster.db'), 'writer').message).toContain(
      `the folder ${join(home.path, 'no')} does not exist`,
    )
    writeFileSync(file, 'this is a text file, long enough for a header of a database. '.repeat(50))
    expect(refusal(file, 'writer').message).toBe(
      `${file} is not a database: restore cluster.db from a backup`,
    )
    const folder = join(home.path, 'folder.db')
    mkdirSync(folder)
    expect(refusal(folder, 'writer').message).toContain(`${folder} cannot be opened`)
  })

  it('finds a damaged schema at once', () => {
    using home = temporaryFolder()
    const file = join(home.path, 'cluster.db')
    const db = openDatabase(file, { role: 'writer' })
    db.exec('CREATE TABLE t (x)')
    db.close()
    const bytes = readFileSync(file)
    // The type byte of the schema's root page (SQLite file format, section 1.6).
    bytes[100] = 0x77
    writeFileSync(file, bytes)
    expect(refusal(file, 'writer').message).toContain(`${file} is damaged`)
  })
})
