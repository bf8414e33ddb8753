// Tells whether something that is made from source files is still current, by a hash of the files' contents.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Folders that hold results, not sources. */
const resultFolders = new Set(['node_modules', '.next', 'out', 'dist', 'generated', 'e2e'])
/** Files that change no result: tests, and what a build writes beside its sources. */
const ignoredFile = /\.test\.tsx?$|\.tsbuildinfo$|^next-env\.d\.ts$|\.md$/

/** SHA-256 over the names and contents of files; folders count with all the sources below them. */
export function fingerprint(root, paths) {
  const sum = createHash('sha256')
  for (const file of paths.flatMap((path) => filesBelow(root, path)).sort()) {
    const content = readFileSync(join(root, file))
    sum.update(`${file}\0${content.length}\0`).update(content)
  }
  return sum.digest('hex')
}

function filesBelow(root, path) {
  const entries = readdirOrNull(join(root, path))
  if (!entries) return existsSync(join(root, path)) ? [path] : []
  return entries.flatMap((entry) => {
    if (entry.isDirectory())
      return resultFolders.has(entry.name) ? [] : filesBelow(root, join(path, entry.name))
    return entry.isFile() && !ignoredFile.test(entry.name) ? [join(path, entry.name)] : []
  })
}

function readdirOrNull(path) {
  try {
    return readdirSync(path, { withFileTypes: true })
  } catch {
    return null
  }
}

/** Remembers with which sources a result was made. The record lies in node_modules: new packages make all anew. */
export class Stamp {
  constructor(root, name) {
    this.file = join(root, 'node_modules/.cache/holdfast', `${name}.sha256`)
  }

  matches(sum) {
    return existsSync(this.file) && readFileSync(this.file, 'utf8') === sum
  }

  /** Forgets the result before it is made anew, so that a broken attempt is not taken for it. */
  clear() {
    rmSync(this.file, { force: true })
  }

  write(sum) {
    mkdirSync(dirname(this.file), { recursive: true })
    writeFileSync(this.file, sum)
  }
}
