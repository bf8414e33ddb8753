import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, statfsSync, truncateSync } from 'node:fs'
import { join } from 'node:path'

/** A small disk of its own (tmpfs(5)) that a test can fill. Mounting it takes root. */
export class Volume implements Disposable {
  readonly path: string
  /** A folder on it that only its owner can enter, as a data folder has to be. */
  readonly dataDir: string
  readonly #filler: string
  #fillerBytes = 0

  /** @param path where it is mounted; made, and removed with it */
  constructor(path: string, mebibytes: number) {
    this.path = path
    this.dataDir = join(path, 'data')
    this.#filler = join(path, 'filler')
    mkdirSync(path, { recursive: true })
    try {
      const words = ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'holdfast-test', path]
      execFileSync('mount', words, { stdio: 'pipe' })
    } catch (error) {
      rmSync(path, { recursive: true })
      throw new Error(`A small volume could not be mounted; run this test as root: ${error}`)
    }
    mkdirSync(this.dataDir, { mode: 0o700 })
  }

  /** Takes all but this much of the volume; the last of it while others may be writing. */
  fill(leftBytes: number): void {
    for (;;) {
      const { bavail, bsize } = statfsSync(this.path)
      const overBytes = bavail * bsize - leftBytes
      if (overBytes <= 0) return
      const offset = String(this.#fillerBytes)
      // Allocates without writing: a test would wait for the zeros of a large volume.
      const words = ['--offset', offset, '--length', String(overBytes), this.#filler]
      try {
        execFileSync('fallocate', words, { stdio: 'pipe' })
        this.#fillerBytes += overBytes
      } catch (error) {
        // Somebody else took some of it in the meantime: less is tried.
        if (!String(error).includes('No space left')) throw error
      }
    }
  }

  /** Gives back what `fill` took. */
  clear(): void {
    truncateSync(this.#filler, 0)
    this.#fillerBytes = 0
  }

  [Symbol.dispose](): void {
    execFileSync('umount', ['--lazy', this.path])
    rmSync(this.path, { recursive: true })
  }
}
