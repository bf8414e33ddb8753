/** A handler; when it returns a promise, whoever delivers may wait for it. */
export type Handler<T> = (value: T) => void | Promise<void>

/** Typed events. `Events` maps an event's name to the type of its value. */
export class Emitter<Events extends object> {
  readonly #handlers = new Map<keyof Events, Set<Handler<never>>>()

  /** Calls `handler` at every event `name`; returns the function that ends this. */
  on<Name extends keyof Events>(name: Name, handler: Handler<Events[Name]>): () => void {
    let handlers = this.#handlers.get(name)
    if (!handlers) {
      handlers = new Set()
      this.#handlers.set(name, handlers)
    }
    const own: Handler<Events[Name]> = (value) => handler(value)
    handlers.add(own)
    return () => {
      handlers.delete(own)
    }
  }

  /** Whether anybody listens. */
  has(name: keyof Events): boolean {
    return (this.#handlers.get(name)?.size ?? 0) > 0
  }

  /**
   * Calls the handlers in the order of their registration. Returns the promises of those that are not done yet;
   * `undefined` when all are. An exception of a handler goes to `onError` and stops neither the others nor the caller.
   */
  emit<Name extends keyof Events>(
    name: Name,
    value: Events[Name],
    onError: (error: unknown) => void,
  ): Promise<void> | undefined {
    const handlers = this.#handlers.get(name)
    if (!handlers) return undefined
    const pending: Promise<void>[] = []
    for (const handler of [...handlers] as unknown as Handler<Events[Name]>[]) {
      try {
        const result = handler(value)
        if (result) pending.push(result.catch(onError))
      } catch (error) {
        onError(error)
      }
    }
    return pending.length === 0 ? undefined : Promise.all(pending).then(() => undefined)
  }

  clear(): void {
    this.#handlers.clear()
  }
}
