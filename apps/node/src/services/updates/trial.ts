import { existsSync } from 'node:fs'

/** How soon clients are let in once the mark is gone. */
const lookEveryMs = 500

/**
 * On a machine with a package a new version is on trial while root's mark is there (package-machine.ts): the node takes part
 * in its cluster and answers whether it is ready, and no client comes in, because what they were told would be lost if the
 * version is taken back. It ends once and does not begin again.
 */
export class Trial {
  readonly #mark: string
  #timer: NodeJS.Timeout | null = null
  #on: boolean

  constructor(mark: string) {
    this.#mark = mark
    this.#on = existsSync(mark)
  }

  get closed(): string | null {
    return this.#on ? 'This node tries a new version and lets clients in when it has proved healthy.' : null
  }

  start(): void {
    if (!this.#on) return
    this.#timer = setInterval(() => {
      if (existsSync(this.#mark)) return
      this.#on = false
      this.stop()
    }, lookEveryMs)
    this.#timer.unref()
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
  }
}
