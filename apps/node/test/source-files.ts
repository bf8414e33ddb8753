import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const repoRoot = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))

export interface Import {
  /** As written. */
  specifier: string
  /** Path from the repository's root for a relative import, else null. */
  path: string | null
  /** `import type` and `export type`: gone before anything runs. */
  typeOnly: boolean
  /** `import()`: runs only when it is reached. */
  lazy: boolean
}

export interface SourceFile {
  /** Path from the repository's root, with forward slashes. */
  path: string
  text: string
  imports: Import[]
}

const sourceFolders = ['apps', 'packages', 'bench', 'scripts', 'appliance']
const resultFolders = new Set(['node_modules', '.next', 'out', 'dist', 'generated'])
const sourceName = /\.(ts|tsx|mjs|css)$/
const generatedNames = new Set(['next-env.d.ts'])

/** Every hand-written source file of the repository. */
export function sourceFiles(): SourceFile[] {
  return sourceFolders
    .flatMap((folder) => namesBelow(join(repoRoot, folder)))
    .map((file) => {
      const path = relative(repoRoot, file)
      const text = readFileSync(file, 'utf8')
      return { path, text, imports: readImports(path, text) }
    })
}

function namesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return resultFolders.has(entry.name) ? [] : namesBelow(join(folder, entry.name))
    return sourceName.test(entry.name) && !generatedNames.has(entry.name) ? [join(folder, entry.name)] : []
  })
}

const statement = /^\s*(?:import|export)\s+(type\s+)?(?:[\w*\s{},$]+?\s+from\s+)?'([^']+)'/gm
const call = /\bimport\(\s*'([^']+)'\s*\)/g

/** The imports and re-exports of a file; formatting is the linter's, so that patterns are enough to find them. */
export function readImports(path: string, text: string): Import[] {
  const resolve = (specifier: string) =>
    specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : null
  const found: Import[] = []
  for (const [, typeOnly, specifier = ''] of text.matchAll(statement)) {
    found.push({ specifier, path: resolve(specifier), typeOnly: typeOnly !== undefined, lazy: false })
  }
  for (const [, specifier = ''] of text.matchAll(call)) {
    found.push({ specifier, path: resolve(specifier), typeOnly: false, lazy: true })
  }
  return found
}
