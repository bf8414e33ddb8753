#!/usr/bin/env node
// Drop-in stand-in for Prisma's native `schema-engine` binary (sqlite only), backed by
// @prisma/schema-engine-wasm + the better-sqlite3 driver adapter. Both come from npm.
// Use: PRISMA_SCHEMA_ENGINE_BINARY=<abs path of this file> prisma migrate dev|deploy|diff|status|resolve|reset / db push|pull|execute
// Protocol: newline-delimited JSON-RPC 2.0 on stdin/stdout; `cli <cmd>` one-shots; errors as JSON log lines on stderr.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

// The wasm engine (7.10) answers P1014 instead of "no migrations table" when the table is missing,
// so create it first, with the engine's own DDL.
const MIGRATIONS_DDL = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
    "id"                    TEXT PRIMARY KEY NOT NULL,
    "checksum"              TEXT NOT NULL,
    "finished_at"           DATETIME,
    "migration_name"        TEXT NOT NULL,
    "logs"                  TEXT,
    "rolled_back_at"        DATETIME,
    "started_at"            DATETIME NOT NULL DEFAULT current_timestamp,
    "applied_steps_count"   INTEGER UNSIGNED NOT NULL DEFAULT 0
)`
const NEEDS_TABLE = new Set([
  'diagnoseMigrationHistory',
  'devDiagnostic',
  'markMigrationApplied',
  'markMigrationRolledBack',
])

const ENGINE_PKG = '@prisma/schema-engine-wasm'

let loaded
const loadWasm = () => (loaded ??= instantiate())
async function instantiate() {
  const bg = await import('@prisma/schema-engine-wasm/schema_engine_bg')
  const dir = dirname(fileURLToPath(import.meta.resolve(ENGINE_PKG)))
  const mod = await WebAssembly.compile(readFileSync(join(dir, 'schema_engine_bg.wasm')))
  const instance = await WebAssembly.instantiate(mod, { './schema_engine_bg.js': bg })
  bg.__wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start()
  return bg
}

export async function createEngine(url, datamodels) {
  const [{ PrismaBetterSqlite3 }, { bindMigrationAwareSqlAdapterFactory }, bg] = await Promise.all([
    import('@prisma/adapter-better-sqlite3'),
    import('@prisma/driver-adapter-utils'),
    loadWasm(),
  ])
  const inner = new PrismaBetterSqlite3({ url })
  let main
  const factory = bindMigrationAwareSqlAdapterFactory({
    provider: inner.provider,
    adapterName: inner.adapterName,
    connect: async () => (main = await inner.connect()),
    connectToShadowDb: async () => {
      // The engine sends a whole migration.sql to the shadow db with executeRaw; better-sqlite3 prepares one statement only.
      const a = await inner.connectToShadowDb()
      const raw = a.executeRaw.bind(a)
      a.executeRaw = async (q) => (q.args.length ? raw(q) : (await a.executeScript(q.sql), 0))
      return a
    },
  })
  const engine = await bg.SchemaEngine.new(
    { datamodels },
    (log) => process.env.DEBUG && process.stderr.write(log + '\n'),
    factory,
  )
  // engine.reset() rewrites sqlite_master, which better-sqlite3 (defensive mode) refuses: drop the objects instead.
  const reset = async () => {
    const { rows } = await main.queryRaw({
      sql: `SELECT type, name FROM sqlite_master WHERE type IN ('view','table') AND name NOT LIKE 'sqlite_%' ORDER BY type DESC`,
      args: [],
      argTypes: [],
    })
    await main.executeScript(
      'PRAGMA foreign_keys=OFF;' +
        rows.map(([t, n]) => `DROP ${t} IF EXISTS "${n}";`).join('') +
        'PRAGMA foreign_keys=ON;',
    )
  }
  const close = async () => {
    try {
      await main?.dispose()
    } catch {
      /* already closed */
    }
  }
  return { engine, factory, bg, reset, close }
}

async function ensureTable(url) {
  const { default: Database } = await import('better-sqlite3')
  const db = new Database(url.replace(/^file:/, ''))
  db.exec(MIGRATIONS_DDL)
  db.close()
}

// The wasm engine's own evaluateDataLoss and createMigration lose their shadow database ("SQLite shadow DB must be
// provided through an external factory"), so answer both from diff(migrations -> schema), which keeps it.
// No row-level data-loss warnings come of it: review the SQL.
const fromMigrations = (engine, { migrationsList, schema, filters }) =>
  engine.diff({
    from: { tag: 'migrations', ...migrationsList },
    to: { tag: 'schemaDatamodel', ...schema },
    script: true,
    exitCode: true,
    filters,
  })
async function dataLoss(engine, params) {
  const d = await fromMigrations(engine, params)
  return { migrationSteps: d.exitCode === 2 ? 1 : 0, warnings: [], unexecutableSteps: [] }
}
async function createMigration(engine, params) {
  const d = await fromMigrations(engine, params)
  const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14)
  return {
    connectorType: 'sqlite',
    extension: 'sql',
    generatedMigrationName: `${stamp}_${params.migrationName}`,
    migrationScript: d.exitCode === 2 ? d.stdout : params.draft ? '-- This is an empty migration.' : null,
  }
}

const isMain = process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)
if (isMain) await main(process.argv.slice(2))

async function main(argv) {
  if (argv.includes('--version')) {
    console.log('schema-engine-cli wasm-shim')
    return
  }
  let url = ':memory:'
  const models = []
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] === '--datasource') url = JSON.parse(argv[++i]).url ?? url
    else if (argv[i] === '--datamodels' || argv[i] === '-d') models.push(argv[++i])
  }
  const cli = argv.indexOf('cli')
  if (cli >= 0) {
    const file = url.replace(/^file:/, '')
    const fail = (code, message) => {
      process.stderr.write('\n') // the CLI drops the first stderr line
      process.stderr.write(
        JSON.stringify({
          level: 'ERROR',
          target: 'schema_engine::logger',
          fields: { error_code: code, message },
        }) + '\n',
      )
      process.exitCode = 1
    }
    switch (argv[cli + 1]) {
      case 'can-connect-to-database':
        return existsSync(file) ? undefined : fail('P1003', `Database \`${file}\` does not exist`)
      case 'create-database': {
        const { default: Database } = await import('better-sqlite3')
        new Database(file).exec('VACUUM').close()
        return
      }
      case 'drop-database':
        rmSync(file, { force: true })
        return
      default:
        return fail('', `unknown cli command ${argv[cli + 1]}`)
    }
  }
  const send = (o) => process.stdout.write(JSON.stringify(o) + '\n')
  // One engine (and connection) per request: applyMigrations leaves locking_mode=EXCLUSIVE on its connection.
  const open = () =>
    createEngine(url, models.length ? models.map((p) => [p, readFileSync(p, 'utf8')]) : undefined)
  let chain = Promise.resolve(),
    printId = 1_000_000
  const rl = createInterface({ input: process.stdin, crlfDelay: Infinity })
  rl.on('line', (line) => {
    chain = chain.then(() => handle(line))
  })
  rl.on('close', () => chain.finally(() => process.exit(0)))

  async function handle(line) {
    const msg = JSON.parse(line)
    if (!msg.method) return // reply to our `print`
    let session
    try {
      session = await open()
      const { engine, reset } = session
      const name = msg.method === 'getDatabaseVersion' ? 'version' : msg.method
      if (name === 'createDatabase')
        return send({ jsonrpc: '2.0', id: msg.id, result: { databaseName: url } })
      if (NEEDS_TABLE.has(name)) await ensureTable(url)
      let result =
        name === 'reset'
          ? await reset()
          : name === 'evaluateDataLoss'
            ? await dataLoss(engine, msg.params)
            : name === 'createMigration'
              ? await createMigration(engine, msg.params)
              : await engine[name](msg.params)
      if (name === 'diff' && result.stdout != null) {
        send({ jsonrpc: '2.0', id: ++printId, method: 'print', params: { content: result.stdout } })
        result = { ...result, stdout: null }
      }
      send({ jsonrpc: '2.0', id: msg.id, result: result ?? null })
    } catch (e) {
      const data = {
        is_panic: false,
        message: e?.message ?? String(e),
        error_code: e?.code,
        meta: e?.meta ?? {},
      }
      send({ jsonrpc: '2.0', id: msg.id, error: { code: 4466, message: data.message, data } })
    } finally {
      await session?.close()
    }
  }
}
