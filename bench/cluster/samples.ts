import { statfsSync } from 'node:fs'
import { BenchError } from '../lib/bench-error.ts'
import type { Member } from './cluster-system.ts'
import { databaseBytes, logRssBytes, serverRssBytes } from './measure.ts'

const intervalMs = 10_000
/** Every node stores every message on the one disk, which others use as well. */
const leastFreeBytes = 5e9

export interface Sample {
  seconds: number
  /** Of each member. */
  logRssBytes: number[]
  logDatabaseBytes: (number | null)[]
  serverRssBytes: number[]
}

/** Looks at the members' logs at equal intervals until it is disposed of. */
export class Samples implements Disposable {
  readonly taken: Sample[] = []
  /** Rejects when the disk is nearly full; otherwise it stays open. */
  readonly trouble: Promise<never>
  readonly #timer: NodeJS.Timeout

  /** @param folder on the disk where the members keep their data */
  constructor(members: readonly Member[], folder: string) {
    const startedAt = performance.now()
    const { promise, reject } = Promise.withResolvers<never>()
    promise.catch(() => {})
    this.trouble = promise
    this.#timer = setInterval(() => {
      try {
        this.taken.push({
          seconds: Math.round((performance.now() - startedAt) / 1_000),
          logRssBytes: members.map(logRssBytes),
          logDatabaseBytes: members.map(databaseBytes),
          serverRssBytes: members.map(serverRssBytes),
        })
        const { bavail, bsize } = statfsSync(folder)
        if (bavail * bsize < leastFreeBytes)
          throw new BenchError(
            `less than ${leastFreeBytes / 1e9} GB are left in ${folder}: set TMPDIR to a larger disk`,
          )
      } catch (error) {
        reject(error)
      }
    }, intervalMs)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
