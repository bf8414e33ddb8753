import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { backupSettingKeys } from '../services/backup/commands.ts'

/** Migrations that the databases of a data folder have, by database; none when there is no database. */
export function appliedMigrations(nodeFolder: string): Record<string, string[]> {
  return Object.fromEntries(
    ['cluster', 'node'].map((name) => [name, migrationsOf(join(nodeFolder, `${name}.db`))]),
  )
}

function migrationsOf(file: string): string[] {
  if (!existsSync(file)) return []
  const database = new Database(file, { readonly: true, fileMustExist: true })
  try {
    return database
      .prepare('SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL ORDER BY 1')
      .pluck()
      .all() as string[]
  } finally {
    database.close()
  }
}

/** When the newest backup of any node was made, in milliseconds since 1970; null when none is known. */
export function newestBackupAt(nodeFolder: string): number | null {
  const file = join(nodeFolder, 'cluster.db')
  if (!existsSync(file)) return null
  const database = new Database(file, { readonly: true, fileMustExist: true })
  try {
    const text = database
      .prepare('SELECT value FROM setting WHERE key = ?')
      .pluck()
      .get(backupSettingKeys.made)
    if (typeof text !== 'string') return null
    const times = Object.values(JSON.parse(text) as Record<string, { at: number }>).map(({ at }) => at)
    return times.length === 0 ? null : Math.max(...times)
  } finally {
    database.close()
  }
}
