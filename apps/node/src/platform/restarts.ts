/**
 * Stops something and starts it anew when asked, once at a time. Whoever asks while it is being stopped is served by that
 * start; whoever asks once it starts again speaks of the new one, which is started anew in its turn.
 */
export class Restarts {
  readonly #steps: { stop: (reason: string) => Promise<void>; start: () => Promise<void> }
  #running: Promise<void> | null = null
  #starts = false
  #again: string | null = null
  #ended = false

  /** @param steps neither rejects */
  constructor(steps: { stop: (reason: string) => Promise<void>; start: () => Promise<void> }) {
    this.#steps = steps
  }

  ask(reason: string): void {
    if (this.#ended) return
    if (this.#running === null) {
      this.#running = this.#run(reason)
    } else if (this.#starts) this.#again = reason
  }

  /** Takes no more, and waits for the one under way; what was stopped stays so. */
  async end(): Promise<void> {
    this.#ended = true
    await this.#running
  }

  async #run(first: string): Promise<void> {
    for (let reason: string | null = first; reason !== null && !this.#ended; reason = this.#again) {
      this.#again = null
      await this.#steps.stop(reason)
      if (this.#ended) return
      this.#starts = true
      await this.#steps.start()
      this.#starts = false
    }
    // In the turn of the last look at what was asked: nobody can ask in between and be lost.
    this.#running = null
  }
}
