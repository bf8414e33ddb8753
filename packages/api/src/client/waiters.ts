/** Callers that wait for the same thing. */
export class Waiters {
  readonly #all = new Set<PromiseWithResolvers<void>>()

  wait(): Promise<void> {
    const waiter = Promise.withResolvers<void>()
    this.#all.add(waiter)
    return waiter.promise
  }

  resolve(): void {
    for (const waiter of this.#all) waiter.resolve()
    this.#all.clear()
  }

  reject(error: Error): void {
    for (const waiter of this.#all) waiter.reject(error)
    this.#all.clear()
  }
}
