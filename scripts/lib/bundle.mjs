// Bundles the daemon into apps/node/dist: plain JavaScript in few files starts faster and in less memory than the
// TypeScript sources, which every thread would have to strip of its types for itself.
// node scripts/lib/bundle.mjs [ROOT [DIST]] [--version V [--without COMMAND] [--since COMMAND]]: other-version.mjs
import { cpSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { otherVersion } from './other-version.mjs'

const { values: other, positionals } = parseArgs({
  allowPositionals: true,
  options: { version: { type: 'string' }, without: { type: 'string' }, since: { type: 'string' } },
})
const [root = process.cwd(), dist = join(root, 'apps/node/dist')] = positionals
const bundle = join(dist, 'bundle')
mkdirSync(dist, { recursive: true })
for (const database of ['cluster', 'node']) {
  cpSync(join(root, 'packages/db', database, 'migrations'), join(dist, database, 'migrations'), {
    recursive: true,
  })
}
const options = {
  absWorkingDir: root,
  entryPoints: {
    main: 'apps/node/src/main.ts',
    // Worker threads load a file of their own.
    'writer-thread': 'apps/node/src/log/writer-thread.ts',
    'reader-thread': 'apps/node/src/reader/reader-thread.ts',
    'audit-thread': 'apps/node/src/services/audit/audit-thread.ts',
    'snapshot-thread': 'apps/node/src/peer/snapshot-thread.ts',
    'backup-thread': 'apps/node/src/services/backup/backup-thread.ts',
  },
  // One level below dist, so that paths relative to a module hold for sources and bundle alike.
  outdir: bundle,
  outExtension: { '.js': '.mjs' },
  chunkNames: 'chunk-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  sourcemap: 'linked',
  sourcesContent: false,
  logLevel: 'warning',
  // ES modules where a package has both kinds: a CommonJS one imported lazily would hide its names under `default`.
  mainFields: ['module', 'main'],
  plugins: other.version === undefined ? [] : [otherVersion(other)],
  // They carry native binaries.
  external: ['better-sqlite3', '@node-rs/argon2'],
  // Packages in CommonJS ask for a require that modules do not have.
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
  },
}
try {
  await build(options)
} catch {
  // esbuild has said what is wrong; its stack says nothing about the sources.
  process.exit(1)
}

// A node that still runs on the last bundle loads parts of it later, so what was replaced stays for a day.
const dayMs = 86_400_000
for (const name of readdirSync(bundle)) {
  const file = join(bundle, name)
  if (Date.now() - statSync(file).mtimeMs > dayMs) rmSync(file)
}
