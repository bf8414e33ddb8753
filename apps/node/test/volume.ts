import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, truncateSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Written at once; small, so that the last bytes of the volume are reached. */
const pieceBytes = 64 * 1024

/** A small disk of its own (tmpfs(5)) that a test can fill. Mounting it takes root. */
export class Volume implements Disposable {
  readonly path: string
  /** A folder on it that only its owner can enter, as a data folder has to be. */
  readonly dataDir: string
  readonly #filler: string

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

  /** Takes all but this much of the volume. */
  fill(leftBytes: number): void {
    const file = openSync(this.#filler, 'a')
    const piece = Buffer.alloc(pieceBytes)
    try {
      for (;;) {
        const { bavail, bsize } = statfsSync(this.path)
        const over = bavail * bsize - leftBytes
        if (over <= 0) return
        writeSync(file, piece, 0, Math.min(piece.length, over))
      }
    } finally {
      closeSync(file)
    }
  }

  /** Gives back what `fill` took. */
  clear(): void {
    truncateSync(this.#filler, 0)
  }

  [Symbol.dispose](): void {
    execFileSync('umount', ['--lazy', this.path])
    rmSync(this.path, { recursive: true })
  }
}
