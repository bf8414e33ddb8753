#!/usr/bin/env node
/**
 * Stands in for Prisma's native schema engine, which npm does not carry: the same protocol over Prisma's own wasm build of
 * that engine and the better-sqlite3 driver. Prisma starts it when PRISMA_SCHEMA_ENGINE_BINARY names this file.
 *
 * Protocol: JSON-RPC 2.0, one message a line, on standard input and output. `prisma migrate diff` is all that prisma.mjs
 * needs, so `diff` is the one method here; the daemon applies migrations itself (src/migrate.ts).
 *
 * 1. Prisma sends `diff`.
 * 2. The engine replays the migrations in a shadow database in memory and compares it with the schema.
 * 3. The text goes back as a `print` request, the rest as the answer.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3'
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg'

/** JSON-RPC code with which Prisma's own engine marks an error that is meant for its user. */
const userErrorCode = 4466
const printRequestId = 1_000_000

async function loadEngine() {
  const folder = dirname(fileURLToPath(import.meta.resolve('@prisma/schema-engine-wasm')))
  const module = await WebAssembly.compile(readFileSync(join(folder, 'schema_engine_bg.wasm')))
  const instance = await WebAssembly.instantiate(module, { './schema_engine_bg.js': bindings })
  bindings.__wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start()
  const log = (line) => {
    if (process.env.DEBUG) process.stderr.write(`${line}\n`)
  }
  return bindings.SchemaEngine.new({}, log, shadowFactory())
}

/** The engine sends a whole migration.sql as one statement to the shadow database; the driver prepares only one. */
function shadowFactory() {
  const sqlite = new PrismaBetterSqlite3({ url: ':memory:' })
  return bindMigrationAwareSqlAdapterFactory({
    provider: sqlite.provider,
    adapterName: sqlite.adapterName,
    connect: () => sqlite.connect(),
    connectToShadowDb: async () => {
      const shadow = await sqlite.connectToShadowDb()
      const executeOne = shadow.executeRaw.bind(shadow)
      shadow.executeRaw = async (query) => {
        if (query.args.length > 0) return executeOne(query)
        await shadow.executeScript(query.sql)
        return 0
      }
      return shadow
    },
  })
}

function send(message) {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
}

async function answer(request) {
  try {
    if (request.method !== 'diff') {
      throw new Error(`this engine cannot ${request.method}: use prisma.mjs generate, drift or migration`)
    }
    const engine = await loadEngine()
    const { stdout, ...result } = await engine.diff(request.params)
    if (stdout) send({ id: printRequestId, method: 'print', params: { content: stdout } })
    send({ id: request.id, result: { ...result, stdout: null } })
  } catch (error) {
    const data = { is_panic: false, message: error.message, error_code: error.code, meta: error.meta ?? {} }
    send({ id: request.id, error: { code: userErrorCode, message: error.message, data } })
  }
}

if (process.argv.includes('--version')) {
  console.log('schema-engine-cli wasm')
} else {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    const message = JSON.parse(line)
    // A message without a method is Prisma's answer to `print`.
    if (message.method) await answer(message)
  }
}
