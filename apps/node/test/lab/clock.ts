import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { Fault } from './fault.ts'

const libraries = ['x86_64', 'aarch64'].map(
  (machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`,
)

/**
 * The clock of one process, which jumps when told so (libfaketime, which looks at its file
 * again after a second). Only
 * calendar time jumps; monotonic time, and with it every timer, goes on.
 */
export class Clock {
  readonly #file: string
  readonly #library: string

  /** @param file made here; says how far the clock is off. @throws Error with the line that installs libfaketime */
  constructor(file: string) {
    const library = libraries.find((path) => existsSync(path))
    if (library === undefined)
      throw new Error('libfaketime is missing. Install it: apt-get install -y libfaketime')
    this.#library = library
    this.#file = file
    this.#set(0)
  }

  /** Variables under which a process has this clock. */
  get env(): Record<string, string> {
    return {
      LD_PRELOAD: this.#library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_CACHE_DURATION: '1',
      DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    }
  }

  /** Sets the clock so far ahead of the machine's, or behind it; takes effect within two seconds. */
  jump(ms: number): Fault {
    this.#set(ms)
    return new Fault(`the clock is ${ms / 1000} s off`, () => this.#set(0))
  }

  #set(ms: number): void {
    const seconds = ms / 1000
    // Renamed into place, so that it is never read half written.
    writeFileSync(`${this.#file}.new`, `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}\n`)
    renameSync(`${this.#file}.new`, this.#file)
  }
}
