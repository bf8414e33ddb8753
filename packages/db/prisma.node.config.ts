import { defineConfig } from 'prisma/config'

export default defineConfig({
  schema: 'node/schema.prisma',
  migrations: { path: 'node/migrations' },
  datasource: { url: process.env.DATABASE_URL ?? 'file::memory:' },
})
