#!/usr/bin/env node
// Runs Prisma for both schemas without its native engine: `generate`, `drift`, or `migration SCHEMA NAME`.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const packageDir = dirname(dirname(fileURLToPath(import.meta.url)))
const engine = join(packageDir, 'scripts', 'schema-engine.mjs')
const schemas = ['cluster', 'node']

function prisma(schema, args, stdio = 'inherit') {
  return spawnSync('prisma', [...args, '--config', `prisma.${schema}.config.ts`], {
    cwd: packageDir,
    stdio,
    encoding: 'utf8',
    env: {
      ...process.env,
      PATH: `${join(packageDir, '../../node_modules/.bin')}:${process.env.PATH}`,
      PRISMA_SCHEMA_ENGINE_BINARY: engine,
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
    },
  })
}

function diff(schema, args, stdio) {
  return prisma(
    schema,
    [
      'migrate',
      'diff',
      '--from-migrations',
      `${schema}/migrations`,
      '--to-schema',
      `${schema}/schema.prisma`,
      ...args,
    ],
    stdio,
  )
}

const [command, schema, name] = process.argv.slice(2)
if (command === 'generate') {
  for (const each of schemas) {
    const run = prisma(each, ['generate'], 'pipe')
    if (run.status !== 0) {
      process.stderr.write(run.stdout + run.stderr)
      process.exit(run.status ?? 1)
    }
  }
} else if (command === 'drift') {
  for (const each of schemas) {
    const run = diff(each, ['--exit-code'])
    if (run.status !== 0) {
      console.error(
        `${each}/schema.prisma and its migrations differ: run 'npm run migration -w @holdfast/db ${each} NAME'`,
      )
      process.exit(1)
    }
  }
} else if (command === 'migration' && schemas.includes(schema) && name) {
  const run = diff(schema, ['--script'], 'pipe')
  if (run.status !== 0 && run.status !== 2) {
    process.stderr.write(run.stdout + run.stderr)
    process.exit(1)
  }
  const number = String(
    readdirSync(join(packageDir, schema, 'migrations')).filter((f) => /^\d/.test(f)).length + 1,
  )
  const folder = join(packageDir, schema, 'migrations', `${number.padStart(4, '0')}_${name}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'migration.sql'), run.stdout)
  console.log(folder, readFileSync(join(folder, 'migration.sql'), 'utf8').length, 'bytes')
} else {
  console.error('usage: prisma.mjs generate | drift | migration cluster|node NAME')
  process.exit(2)
}
