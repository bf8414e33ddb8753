import { defineConfig } from 'prisma/config'

export default defineConfig({
  schema: 'cluster/schema.prisma',
  migrations: { path: 'cluster/migrations' },
  datasource: { url: process.env.DATABASE_URL ?? 'file::memory:' },
})
