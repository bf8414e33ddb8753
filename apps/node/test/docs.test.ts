import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import { subcommands } from '../src/cli/registry.ts'
import { repoRoot } from './source-files.ts'

/** The README is read on one screen or two, or not at all. */
const maxReadmeLines = 150
const folders = ['docs', 'apps/node/src', 'apps/admin', 'packages', 'bench']
const ignored = ['node_modules', 'out', 'dist', '.next', 'generated']

/** Every document of the repository, by its path. */
function documents(): { path: string; text: string }[] {
  const inFolder = (folder: string): string[] =>
    readdirSync(join(repoRoot, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return ignored.includes(entry.name) ? [] : inFolder(path)
      return entry.name.endsWith('.md') ? [path] : []
    })
  return ['README.md', 'ARCHITECTURE.md', ...folders.flatMap(inFolder)].map((path) => ({
    path,
    text: readFileSync(join(repoRoot, path), 'utf8'),
  }))
}

const all = documents()

/** What `find` finds in the documents, as `document: found`, where `isThere` says no. */
function missing(pattern: RegExp, isThere: (found: string, path: string) => boolean): string[] {
  return all.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)]
      .map((match) => match[1] ?? '')
      .filter((found) => !isThere(found, path))
      .map((found) => `${path}: ${found}`),
  )
}

describe('the documentation', () => {
  it('links only to what is there', () => {
    const toFile = /\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g
    const found = missing(toFile, (target, path) =>
      existsSync(normalize(join(repoRoot, dirname(path), target))),
    )
    expect(found).toEqual([])
  })

  it('names only files and folders that are there', () => {
    const inTicks = /`((?:apps|packages|docs|scripts|bench)\/[\w./-]+)`/g
    const placeholder = /\bNAME\b/
    const made = /\/(?:out|dist|generated)\b/
    const found = missing(
      inTicks,
      (target) => placeholder.test(target) || made.test(target) || existsSync(join(repoRoot, target)),
    )
    expect(found).toEqual([])
  })

  it('shows only commands that there are', () => {
    const atLineStart = /^(?:bin\/)?holdfast ([a-z-]+)/gm
    const inTicks = /`(?:bin\/)?holdfast ([a-z-]+)[^`]*`/g
    const known = (name: string) => Object.hasOwn(subcommands, name)
    expect([...missing(atLineStart, known), ...missing(inTicks, known)]).toEqual([])
  })

  it('shows only npm scripts that there are', () => {
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(
      readFileSync(join(repoRoot, 'package.json'), 'utf8'),
    )
    const found = missing(/npm run ([a-z:]+)/g, (name) => Object.hasOwn(scripts, name))
    expect(found).toEqual([])
  })

  it('keeps the README short, with both commands and the picture on its first screen', () => {
    const lines = (all.find(({ path }) => path === 'README.md')?.text ?? '').split('\n')
    expect(lines.length).toBeLessThanOrEqual(maxReadmeLines)
    const first = lines.slice(0, 24).join('\n')
    for (const wanted of ['npm start', 'npm test', 'docs/images/overview.png'])
      expect(first).toContain(wanted)
  })
})
