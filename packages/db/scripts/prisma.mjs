#!/usr/bin/env node
/**
 * Runs Prisma for both schemas without its native engine:
 *   generate                        writes the typed clients to src/generated
 *   drift                           fails when a schema and its migrations differ
 *   migration cluster|node NAME     writes the migration that brings the migrations up to the schema; read its SQL
 * `--folder=DIR` takes DIR/{cluster,node}/{schema.prisma,migrations} instead of this package's.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { parseArgs } from 'node:util'

const packageFolder = join(import.meta.dirname, '..')
const binaries = join(packageFolder, '../../node_modules/.bin')
const schemas = ['cluster', 'node']
/** `prisma migrate diff --exit-code`: nothing to do, failed, different. */
const same = 0
const different = 2
const usage = 'usage: prisma.mjs generate | drift | migration cluster|node NAME'

function prisma(schema, args) {
  return spawnSync(join(binaries, 'prisma'), [...args, '--config', `prisma.${schema}.config.ts`], {
    cwd: packageFolder,
    encoding: 'utf8',
    env: {
      ...process.env,
      // Prisma and the engine below start `node`, which has to be the pinned one.
      PATH: `${binaries}${delimiter}${process.env.PATH}`,
      PRISMA_SCHEMA_ENGINE_BINARY: join(import.meta.dirname, 'schema-engine.mjs'),
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
    },
  })
}

/** Compares what the migrations come to with the schema; stdout has the difference as SQL. */
function diff(folder, schema) {
  const migrations = join(folder, schema, 'migrations')
  const run = prisma(schema, [
    ...['migrate', 'diff', '--exit-code', '--script'],
    ...['--from-migrations', migrations],
    ...['--to-schema', join(folder, schema, 'schema.prisma')],
  ])
  if (run.status !== same && run.status !== different) fail(`prisma migrate diff failed for ${schema}`, run)
  return run
}

function fail(what, run) {
  console.error(what)
  if (run) process.stderr.write(run.error ? `${run.error.message}\n` : run.stdout + run.stderr)
  process.exit(1)
}

function generate() {
  for (const schema of schemas) {
    const run = prisma(schema, ['generate'])
    if (run.status !== 0) fail(`prisma generate failed for ${schema}`, run)
  }
}

function drift(folder) {
  for (const schema of schemas) {
    if (diff(folder, schema).status === same) continue
    fail(
      `${schema}/schema.prisma and its migrations differ: run 'npm run migration -w @holdfast/db ${schema} NAME'`,
    )
  }
}

function migration(folder, schema, name) {
  const run = diff(folder, schema)
  if (run.status === same)
    fail(`${schema}/schema.prisma and its migrations are the same: there is nothing to write`)
  const migrations = join(folder, schema, 'migrations')
  const numbers = readdirSync(migrations).map((entry) => Number.parseInt(entry, 10) || 0)
  const number = String(Math.max(0, ...numbers) + 1).padStart(4, '0')
  const target = join(migrations, `${number}_${name}`)
  mkdirSync(target)
  writeFileSync(join(target, 'migration.sql'), run.stdout)
  console.log(`${join(target, 'migration.sql')} written: read it before it is committed`)
}

const { values, positionals } = parseArgs({
  options: { folder: { type: 'string', default: packageFolder } },
  allowPositionals: true,
})
const [command, schema, name] = positionals
if (!existsSync(join(binaries, 'prisma'))) fail("Prisma is not installed: run 'npm install'")
if (command === 'generate') generate()
else if (command === 'drift') drift(values.folder)
else if (command === 'migration' && schemas.includes(schema) && /^[a-z0-9_]+$/.test(name ?? ''))
  migration(values.folder, schema, name)
else {
  console.error(usage)
  process.exit(2)
}
