/** Something that was broken on purpose; `heal`, or the end of its scope, mends it. */
export class Fault implements AsyncDisposable {
  readonly what: string
  readonly #mend: () => Promise<void> | void
  #healed: Promise<void> | null = null

  constructor(what: string, mend: () => Promise<void> | void) {
    this.what = what
    this.#mend = mend
  }

  get isHealed(): boolean {
    return this.#healed !== null
  }

  /** Mends it once, however often it is called. */
  heal(): Promise<void> {
    this.#healed ??= Promise.resolve(this.#mend())
    return this.#healed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.heal()
  }
}

/** SIGSTOP, and SIGCONT when it is healed. The processes may end meanwhile. */
export function pauseProcesses(pids: readonly number[]): Fault {
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  return new Fault(`processes ${pids.join(', ')} stand still`, () => {
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGCONT')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
  })
}
