import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/** A hang guard: several starts, or the update of a whole cluster, under emulation on a busy machine. */
const timeoutMs = 90 * 60_000
const files = (suffix: string) => [`appliance/test/**/*.${suffix}.test.ts`]
const project = (name: string) => ({
  test: {
    name,
    root: join(import.meta.dirname, '../..'),
    include: files(name),
    pool: 'forks' as const,
    // Each machine wants a core.
    fileParallelism: false,
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
  },
})

export default defineConfig({ test: { projects: [project('vm'), project('release')] } })
