import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Import, readImports, repoRoot, type SourceFile, sourceFiles } from './source-files.ts'

/** Longer files hide more than one subject. */
const maxFileLines = 500

const files = sourceFiles()
const byPath = new Map(files.map((file) => [file.path, file]))

/** Every import that breaks a rule, one line each, so that a failure names all of them. */
function breaches(folder: string, allowed: (each: Import, file: SourceFile) => boolean): string[] {
  return files
    .filter((file) => file.path.startsWith(`${folder}/`))
    .flatMap((file) =>
      file.imports
        .filter((each) => !allowed(each, file))
        .map((each) => `${file.path} imports ${each.specifier}`),
    )
}

const isInternal = (specifier: string, ...names: string[]) =>
  names.some((name) => specifier === `@holdfast/${name}` || specifier.startsWith(`@holdfast/${name}/`))

/** Imports inside one workspace are relative, imports of another one go by its name. */
function staysWithin(workspace: string, each: Import, ...internal: string[]): boolean {
  if (each.path !== null) return each.path.startsWith(`${workspace}/`)
  return !each.specifier.startsWith('@holdfast/') || isInternal(each.specifier, ...internal)
}

describe('who may import whom', () => {
  it('the admin UI imports the API only, and of its router and services only the types', () => {
    const found = breaches('apps/admin', (each, file) => {
      // Specs start real nodes and check names and types against the API, but never reach into a package by path.
      if (!staysWithin('apps/admin', each, 'api')) return false
      if (file.path.includes('/e2e/')) return true
      return (
        each.typeOnly || !isInternal(each.specifier, 'api/router', 'api/services', 'api/cluster-services')
      )
    })
    expect(found).toEqual([])
  })

  it('the API and the database import nothing internal', () => {
    expect(breaches('packages/api', (each) => staysWithin('packages/api', each))).toEqual([])
    expect(breaches('packages/db', (each) => staysWithin('packages/db', each))).toEqual([])
  })

  it('the node imports the API and the database', () => {
    expect(breaches('apps/node', (each) => staysWithin('apps/node', each, 'api', 'db'))).toEqual([])
  })

  it.each([
    ['platform', ['config', 'cli', 'gateway', 'http', 'log', 'services', 'state']],
    ['log', ['cli', 'gateway', 'http', 'services']],
    ['state', ['cli', 'gateway', 'http']],
    ['services', ['cli', 'gateway', 'http']],
    ['http', ['cli', 'log', 'state']],
  ])('inside the node, %s does not import %s', (folder, forbidden) => {
    const closed = [
      ...forbidden.map((name) => `apps/node/src/${name}/`),
      'apps/node/src/main.ts',
      'apps/node/src/node.ts',
    ]
    const found = breaches(`apps/node/src/${folder}`, (each, file) => {
      if (file.path.endsWith('.test.ts') || each.typeOnly) return true
      return !closed.some((prefix) => each.path?.startsWith(prefix))
    })
    expect(found).toEqual([])
  })

  it('what a browser loads of the API reaches no module of Node', () => {
    const entries = files
      .filter((file) => file.path.startsWith('apps/admin/') && !file.path.includes('/e2e/'))
      .flatMap((file) => file.imports.filter((each) => !each.typeOnly))
      .flatMap((each) => apiFile(each.specifier) ?? [])
    const reached = closure(['packages/api/src/client/client.ts', ...entries])
    const found = reached.flatMap((file) =>
      file.imports
        .filter((each) => !each.typeOnly && !each.lazy && each.specifier.startsWith('node:'))
        .map((each) => `${file.path} imports ${each.specifier}`),
    )
    expect(found).toEqual([])
  })
})

/** The file behind a name like @holdfast/api/contract/limits, by the package's exports. */
function apiFile(specifier: string): string | null {
  const manifest: { exports: Record<string, string> } = JSON.parse(
    readFileSync(join(repoRoot, 'packages/api/package.json'), 'utf8'),
  )
  if (!isInternal(specifier, 'api')) return null
  const name = `.${specifier.slice('@holdfast/api'.length)}`
  const exact = manifest.exports[name]
  if (exact) return join('packages/api', exact)
  const pattern = Object.entries(manifest.exports).find(
    ([key]) => key.endsWith('*') && name.startsWith(key.slice(0, -1)),
  )
  if (!pattern) return null
  return join('packages/api', pattern[1].replace('*', name.slice(pattern[0].length - 1)))
}

function closure(entries: string[]): SourceFile[] {
  const reached = new Set<SourceFile>()
  const queue = [...entries]
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const file = byPath.get(path)
    if (!file || reached.has(file)) continue
    reached.add(file)
    for (const each of file.imports) if (each.path && !each.typeOnly && !each.lazy) queue.push(each.path)
  }
  return [...reached]
}

describe('how files look', () => {
  it(`no file has more than ${maxFileLines} lines`, () => {
    const long = files
      .map((file) => ({ path: file.path, lines: file.text.split('\n').length - 1 }))
      .filter((file) => file.lines > maxFileLines)
    expect(long).toEqual([])
  })

  it('no file only passes on what others export, except the entry of a package', () => {
    const isEntry = (path: string) =>
      dirname(dirname(path)).startsWith('packages/') && basename(path) === 'index.ts'
    const reExport = /^export\s+(?:type\s+)?(?:\*|\{[^}]*\})[^;]*?from\s+'[^']+'$/gm
    const barrels = files
      .filter((file) => !isEntry(file.path) && file.path.endsWith('.ts'))
      .filter((file) => {
        const code = file.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').trim()
        return code !== '' && code.replace(reExport, '').trim() === ''
      })
      .map((file) => file.path)
    expect(barrels).toEqual([])
  })

  it('zod is imported as a namespace, of which the bundle keeps what is used; its own `z` brings all languages', () => {
    const whole = files.filter((file) => /^import [^*]*\bz\b[^*]* from 'zod'/m.test(file.text))
    expect(whole.map((file) => file.path)).toEqual([])
  })

  it('names are kebab-case', () => {
    const name = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*$/
    expect(files.map((file) => file.path).filter((path) => !name.test(basename(path)))).toEqual([])
  })

  it('code that Node runs names the files it imports in full', () => {
    const found = files
      .filter((file) => !file.path.startsWith('apps/admin/'))
      .flatMap((file) =>
        file.imports
          .filter((each) => each.path !== null && !/\.(ts|mjs|json)$/.test(each.path))
          .map((each) => `${file.path} imports ${each.specifier}`),
      )
    expect(found).toEqual([])
  })

  it('no comment switches the type checker off', () => {
    const mark = new RegExp(`@ts-(${['ignore', 'nocheck'].join('|')})`)
    expect(files.filter((file) => mark.test(file.text)).map((file) => file.path)).toEqual([])
  })
})

describe('the reader of imports', () => {
  it('finds every form', () => {
    const text = [
      "import a from 'a'",
      "import { b,\n  c } from './b.ts'",
      "import type { D } from '../d.ts'",
      "import 'e'",
      "export * from './f.ts'",
      "const g = await import('./g.ts')",
    ].join('\n')
    expect(readImports('apps/x/y.ts', text)).toEqual([
      { specifier: 'a', path: null, typeOnly: false, lazy: false },
      { specifier: './b.ts', path: 'apps/x/b.ts', typeOnly: false, lazy: false },
      { specifier: '../d.ts', path: 'apps/d.ts', typeOnly: true, lazy: false },
      { specifier: 'e', path: null, typeOnly: false, lazy: false },
      { specifier: './f.ts', path: 'apps/x/f.ts', typeOnly: false, lazy: false },
      { specifier: './g.ts', path: 'apps/x/g.ts', typeOnly: false, lazy: true },
    ])
  })
})
