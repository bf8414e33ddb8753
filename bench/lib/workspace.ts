import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The directory under which all servers of a run keep their data; it is removed at the end, also after a failure. */
export class Workspace implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))

  constructor() {
    process.once('exit', () => this[Symbol.dispose]())
  }

  /** A new empty directory. */
  directory(name: string): string {
    const directory = join(this.root, name)
    mkdirSync(directory)
    return directory
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}
