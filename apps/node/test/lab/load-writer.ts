import { setTimeout as later } from 'node:timers/promises'
import { type Client, ConnectionStoppedError } from '@holdfast/api/client/client'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { bodyOf, messageIdOf, type Pace } from './load-record.ts'

/** Wait before a message that was refused is sent again, with the same id. */
const refusedPauseMs = 100
/** Wait before a writer whose connection was ended for good connects anew. */
const reconnectPauseMs = 1000

export interface WriterOptions {
  number: number
  tag: string
  /** Ids of the channels, used by turns. */
  channels: readonly string[]
  /** Time between messages of this writer; 0: as fast as the window allows. */
  connect(): Client
  onAcknowledged(message: { writer: number; no: number; channel: number; seq: number; tookMs: number }): void
  onRefused(): void
  onTrouble(trouble: string): void
  onState?(state: string): void
}

/** One person who sends, with a window of messages under way, and sends each until it is acknowledged. */
export class Writer {
  readonly #options: WriterOptions
  #client: Client
  #running = false
  #closed = false
  #next = 0
  #nextSlotMs = 0
  #lanes: Promise<void>[] = []

  constructor(options: WriterOptions) {
    this.#options = options
    this.#client = this.#connect()
  }

  live(): Promise<void> {
    return this.#client.live()
  }

  /** For messages. */
  get state(): string {
    const waiting = this.#client.unacknowledged().length
    return `${this.#client.state} at ${this.#client.node.url} with ${waiting} under way`
  }

  /** @param intervalMs between two messages of this writer; 0 for as many as the window allows */
  start(pace: Pace, intervalMs: number): void {
    if (this.#running) return
    this.#running = true
    this.#nextSlotMs = 0
    this.#lanes = Array.from({ length: pace.window }, () => this.#lane(pace, intervalMs))
  }

  /** Resolves when everything that was sent is acknowledged. */
  async pause(): Promise<void> {
    this.#running = false
    await Promise.all(this.#lanes)
  }

  close(): void {
    this.#closed = true
    this.#client.close()
  }

  async #lane(pace: Pace, intervalMs: number): Promise<void> {
    while (this.#running && !this.#closed) {
      if (intervalMs > 0) {
        const slotMs = Math.max(performance.now(), this.#nextSlotMs)
        this.#nextSlotMs = slotMs + intervalMs
        await later(slotMs - performance.now())
        if (!this.#running) return
      }
      await this.#send(this.#next++, pace.bodyBytes)
    }
  }

  async #send(no: number, bodyBytes: number): Promise<void> {
    const { number, tag, channels, onAcknowledged, onRefused, onTrouble } = this.#options
    const id = messageIdOf(tag, number, no)
    const channel = (number + no) % channels.length
    const startedAt = performance.now()
    while (!this.#closed) {
      const client = this.#client
      try {
        const { seq } = await client.send(channels[channel] ?? '', bodyOf(id, bodyBytes), { id })
        onAcknowledged({ writer: number, no, channel, seq, tookMs: performance.now() - startedAt })
        return
      } catch (error) {
        if (error instanceof ConnectionStoppedError) await this.#reconnect(client, error)
        else if (error instanceof HoldfastError && mayPass(error)) {
          onRefused()
          await later(refusedPauseMs)
        } else {
          onTrouble(`${id} was refused for good: ${error}`)
          return
        }
      }
    }
  }

  #connect(): Client {
    const client = this.#options.connect()
    client.on('state', ({ state, previous, url, error }) =>
      this.#options.onState?.(`${previous} -> ${state} at ${url}${error ? `: ${error.message}` : ''}`),
    )
    return client
  }

  async #reconnect(from: Client, error: Error): Promise<void> {
    if (this.#closed) return
    // Every message under way learns of the end; the first one connects anew.
    if (from === this.#client) {
      this.#options.onTrouble(`the connection of writer ${this.#options.number} was ended: ${error.message}`)
      this.#client = this.#connect()
    }
    await later(reconnectPauseMs)
  }
}

/** A node without room or without a quorum refuses what it will take later. */
function mayPass(error: HoldfastError): boolean {
  return ['busy', 'disk-full', 'read-only', 'shutting-down', 'rate-limited', 'internal'].includes(error.code)
}
