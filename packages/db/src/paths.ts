import { join } from 'node:path'

const packageFolder = join(import.meta.dirname, '..')

/** Folder of the migrations of cluster.db, one folder with a migration.sql each, applied in the order of their names. */
export const clusterMigrations = join(packageFolder, 'cluster', 'migrations')
/** Folder of the migrations of node.db. */
export const nodeMigrations = join(packageFolder, 'node', 'migrations')
