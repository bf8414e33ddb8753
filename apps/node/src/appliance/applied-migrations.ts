import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'

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
