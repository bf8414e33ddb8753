/** Makes consistent copies of the running cluster.db for other members, one at a time, without stopping anybody. */
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { diskBounds, diskSpace } from '../platform/disk.ts'
import { ensureDir } from '../platform/files.ts'
import { removeGently } from '../platform/gentle-removal.ts'
import type { Logger } from '../platform/logger.ts'
import { randomToken } from '../platform/random.ts'
import type { HeldSnapshot, SnapshotFacts, SnapshotSource } from './snapshot-sender.ts'
import { runSnapshotTask } from './snapshot-task.ts'
import type { MakeBounds } from './snapshot-thread.ts'

export const makerBounds = {
  /** Pages of one step: a megabyte, some tenths of a millisecond. */
  stepPages: 256,
  /** Bytes of the copy between two flushes; the most that a flush of the writer can find before it. */
  flushBytes: 8 * 1024 * 1024,
  /** Leaves most of a disk to the others. A gigabyte takes five seconds. */
  bytesPerSecond: 200 * 1024 * 1024,
  /** The pace is left when so much has gathered in the write-ahead log. */
  hurryWalBytes: 128 * 1024 * 1024,
  /** The write-ahead log cannot be emptied while a copy is made; beyond this the copy is given up. */
  walBytes: 2 * 1024 ** 3,
  checkpointTries: 100,
} as const satisfies MakeBounds

/** How long a finished copy waits for others that want one. */
const shareMs = 5000
/** A whole copy; disks that are slower than this are not for a cluster. */
const makeMs = 3600_000

export interface SnapshotMakerOptions {
  /** The copies are made in its folder `outgoing`, which the next start empties (install-incoming.ts). */
  dataFolder: string
  logger: Logger
  /**
   * Asks the writer to leave the write-ahead log alone, or to tend it again as usual. While a copy is made it would
   * otherwise do, within one commit, all that gathered.
   */
  holdCheckpoints?: (held: boolean) => void
  bounds?: Partial<MakeBounds>
  shareMs?: number
  /** Free and total space around a path; tests hand in their own. */
  space?: typeof diskSpace
}

export function outgoingFolder(dataFolder: string): string {
  return join(dataFolder, 'outgoing')
}

interface Copy {
  file: string
  facts: Promise<SnapshotFacts>
  readers: number
  /** Nobody gets it any more; it is removed when its last reader is done. */
  over: boolean
}

export class SnapshotMaker implements SnapshotSource, AsyncDisposable {
  readonly #options: SnapshotMakerOptions
  readonly #abort = new AbortController()
  readonly #databaseFile: string
  readonly #folder: string
  #current: Copy | null = null
  readonly #removals = new Set<Promise<void>>()
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(options: SnapshotMakerOptions) {
    this.#options = options
    this.#databaseFile = join(options.dataFolder, 'cluster.db')
    this.#folder = outgoingFolder(options.dataFolder)
  }

  /**
   * A copy that has at least this revision: one that is being made, one just made, or a new one.
   * @throws HoldfastError `disk-full`, `shutting-down`, `internal`
   */
  async take(minRevision = 0): Promise<HeldSnapshot> {
    for (;;) {
      if (this.#abort.signal.aborted)
        throw new HoldfastError('shutting-down', 'This node is shutting down; no snapshot is made.')
      const shared = this.#current !== null
      this.#current ??= this.#begin()
      const copy = this.#current
      copy.readers += 1
      try {
        const facts = await copy.facts
        if (!shared || facts.revision >= minRevision) return this.#held(copy, facts)
        // Made before what is asked for: the next one has it, if anybody has.
        this.#end(copy)
      } catch (error) {
        this.#release(copy)
        throw this.#asRefusal(error)
      }
      this.#release(copy)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort()
    for (const timer of this.#timers) clearTimeout(timer)
    const copy = this.#current
    if (copy !== null) {
      await copy.facts.catch(() => {})
      this.#end(copy)
    }
    await Promise.all(this.#removals)
  }

  #held(copy: Copy, facts: SnapshotFacts): HeldSnapshot {
    let released = false
    return {
      ...facts,
      file: copy.file,
      release: () => {
        if (released) return
        released = true
        this.#release(copy)
      },
    }
  }

  #begin(): Copy {
    const file = join(this.#folder, `${randomToken(9)}.db`)
    const copy: Copy = { file, facts: this.#make(file), readers: 0, over: false }
    copy.facts.then(
      () => {
        const timer = setTimeout(() => {
          this.#timers.delete(timer)
          this.#end(copy)
        }, this.#options.shareMs ?? shareMs)
        this.#timers.add(timer)
      },
      () => this.#end(copy),
    )
    return copy
  }

  async #make(file: string): Promise<SnapshotFacts> {
    const { logger, holdCheckpoints, bounds } = this.#options
    const startedAt = performance.now()
    await ensureDir(this.#folder)
    await this.#checkRoom()
    await (await open(file, 'wx', 0o600)).close()
    let held = true
    const letGo = () => {
      if (held) holdCheckpoints?.(false)
      held = false
    }
    holdCheckpoints?.(true)
    try {
      const result = await runSnapshotTask(
        {
          task: 'make',
          databaseFile: this.#databaseFile,
          target: file,
          bounds: { ...makerBounds, ...bounds },
        },
        { timeoutMs: makeMs, signal: this.#abort.signal, onCopied: letGo },
      )
      if (result.t !== 'made') throw new Error('the thread gave another answer')
      const { bytes, revision } = result.facts
      const tookMs = Math.round(performance.now() - startedAt)
      logger.info({ bytes, revision, tookMs }, 'made a snapshot for another node')
      return result.facts
    } finally {
      letGo()
    }
  }

  /** @throws HoldfastError when the copy would take the room that the node itself needs */
  async #checkRoom(): Promise<void> {
    const wal = await stat(`${this.#databaseFile}-wal`).catch(() => null)
    const neededBytes = (await stat(this.#databaseFile)).size + (wal?.size ?? 0)
    const { freeBytes, totalBytes } = await (this.#options.space ?? diskSpace)(this.#folder)
    const kept = Math.min(diskBounds.lowBytes, totalBytes * diskBounds.lowShare)
    if (freeBytes - kept >= neededBytes) return
    throw new HoldfastError(
      'disk-full',
      `A snapshot of this node needs ${neededBytes} bytes, and the disk of this node has not so much to spare: free some, or take the snapshot from another node.`,
    )
  }

  #end(copy: Copy): void {
    copy.over = true
    if (this.#current === copy) this.#current = null
    if (copy.readers === 0) this.#remove(copy)
  }

  #release(copy: Copy): void {
    copy.readers -= 1
    if (copy.readers === 0 && copy.over) this.#remove(copy)
  }

  #remove(copy: Copy): void {
    const names = ['', '-journal', '-wal', '-shm'].map((suffix) => `${copy.file}${suffix}`)
    const removal = Promise.all(names.map((name) => removeGently(name, this.#abort.signal)))
      .then(() => {})
      .catch((error: Error) => {
        // The next start sweeps the folder.
        this.#options.logger.warn({ err: error }, 'a snapshot that was sent could not be removed')
      })
      .finally(() => this.#removals.delete(removal))
    this.#removals.add(removal)
  }

  #asRefusal(error: unknown): HoldfastError {
    if (error instanceof HoldfastError) return error
    if (this.#abort.signal.aborted)
      return new HoldfastError('shutting-down', 'This node is shutting down; no snapshot is made.')
    this.#options.logger.error({ err: error }, 'a snapshot for another node could not be made')
    return new HoldfastError('internal', 'The other node could not make a snapshot; its log says why.')
  }
}
