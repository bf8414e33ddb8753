import type { ClientFrame } from '../contract/frames.ts'
import { clientBounds } from './bounds.ts'
import type { Outbox } from './outbox.ts'

export interface OutboxPumpOptions {
  outbox: Outbox
  /** Whether there is a connection that takes messages. */
  isOpen(): boolean
  /** Whether its socket takes more now. */
  isWritable(): boolean
  write(frame: ClientFrame): void
}

/** Writes the outbox to the connection, as fast as the socket and the node take it. */
export class OutboxPump {
  readonly #o: OutboxPumpOptions
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(options: OutboxPumpOptions) {
    this.#o = options
  }

  flush(): void {
    const { outbox, isOpen, isWritable, write } = this.#o
    if (!isOpen() || this.#timer !== undefined) return
    while (isWritable()) {
      const frame = outbox.next()
      if (!frame) return
      write(frame)
    }
    this.#pause(clientBounds.socketPollMs)
  }

  /** The node was too busy for a message, so many times: nothing is written for a while. */
  refused(times: number): void {
    this.#pause(Math.min(clientBounds.busyMaxMs, clientBounds.busyMs * 2 ** Math.min(times, 10)))
  }

  /** What the last node had no room for, this one may take. */
  begin(): void {
    this.stop()
    this.flush()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #pause(ms: number): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.flush()
    }, ms)
  }
}
