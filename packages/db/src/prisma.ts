/**
 * Prisma's typed reads of the control plane. Reading only: the state machine is the one writer (its statements are
 * prepared by hand), and a write of Prisma's beside it can vanish in its transaction or freeze the process.
 *
 * Prisma costs start-up time and memory, so this module loads it at the first call and nothing else imports it.
 */
import type { PrismaClient as ClusterPrisma } from './generated/cluster/client.ts'
import type { PrismaClient as NodePrisma } from './generated/node/client.ts'
import { databaseLimits } from './open.ts'

export type { ClusterPrisma, NodePrisma }

/** Opens cluster.db for reading; `$disconnect` closes it. */
export async function createClusterPrisma(file: string): Promise<ClusterPrisma> {
  const { PrismaClient } = await import('./generated/cluster/client.ts')
  return new PrismaClient({ adapter: await readonlyAdapter(file) })
}

/** Opens node.db for reading; `$disconnect` closes it. */
export async function createNodePrisma(file: string): Promise<NodePrisma> {
  const { PrismaClient } = await import('./generated/node/client.ts')
  return new PrismaClient({ adapter: await readonlyAdapter(file) })
}

async function readonlyAdapter(file: string) {
  const { PrismaBetterSqlite3 } = await import('@prisma/adapter-better-sqlite3')
  return new PrismaBetterSqlite3({
    url: `file:${file}`,
    readonly: true,
    fileMustExist: true,
    timeout: databaseLimits.busyTimeoutMs,
  })
}
