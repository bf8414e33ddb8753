/** A single node holds in memory only what it uses: the heavy libraries are loaded by those who need them. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { repoRoot, sourceFiles } from './source-files.ts'

const heavy = ['@grpc/grpc-js', '@grpc/proto-loader', 'age-encryption', 'tar-stream', '@peculiar/x509']
/** Of these nothing is used by name: at most what they export as a whole. */
const usedWhole = new Set(['reflect-metadata', 'bonjour-service'])
/** Imports and re-exports of values, as they stand at the top of a module. */
const staticImport = /^(?:import|export) (?!type )[^'"]*?from '([^']+)'|^import '([^']+)'/gm
const onlyTypes = /^import \{(?:\s*type [\w$]+(?: as [\w$]+)?,?)*\s*\} from/

/** Packages that a module loads when it starts, with the module of this program that asks for each. */
function loadedBy(start: string): Map<string, string> {
  const packages = new Map<string, string>()
  const seen = new Set<string>()
  const waiting = [join(repoRoot, start)]
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file) || !existsSync(file)) continue
    seen.add(file)
    for (const match of readFileSync(file, 'utf8').matchAll(staticImport)) {
      const target = match[1] ?? match[2] ?? ''
      if (onlyTypes.test(match[0])) continue
      if (target.startsWith('.')) waiting.push(join(dirname(file), target))
      else if (target.startsWith('@holdfast/api/'))
        waiting.push(join(repoRoot, 'packages/api/src', `${target.slice('@holdfast/api/'.length)}.ts`))
      else packages.set(target, file)
    }
  }
  return packages
}

test('regression: serving a single node loads no gRPC, no certificates to be made and no encryption of backups', () => {
  const loaded = loadedBy('apps/node/src/serve-node.ts')
  expect(loaded.has('ws')).toBe(true)
  expect(heavy.filter((name) => loaded.has(name)).map((name) => `${name} by ${loaded.get(name)}`)).toEqual([])
})

test('a member of a cluster does load gRPC, so the search finds it', () => {
  expect(loadedBy('apps/node/src/cluster/cluster-node.ts').has('@grpc/grpc-js')).toBe(true)
})

test('regression: a package that is loaded lazily is an ES module, since a bundled CommonJS one hides its names', () => {
  const lazy = sourceFiles()
    .filter(({ path }) => path.startsWith('apps/node/src/') || path.startsWith('packages/api/src/'))
    .flatMap(({ path, imports }) =>
      imports.filter((each) => each.lazy).map(({ specifier }) => ({ path, specifier })),
    )
    .filter(({ specifier }) => !/^(?:\.|node:|@holdfast\/)/.test(specifier) && !usedWhole.has(specifier))
  expect(lazy.map(({ specifier }) => specifier)).toContain('age-encryption')
  const hidden = lazy.filter(({ specifier }) => {
    const { type, module } = JSON.parse(
      readFileSync(join(repoRoot, 'node_modules', specifier, 'package.json'), 'utf8'),
    ) as { type?: string; module?: string }
    return type !== 'module' && module === undefined
  })
  expect(hidden.map(({ path, specifier }) => `${path} loads ${specifier}`)).toEqual([])
})
