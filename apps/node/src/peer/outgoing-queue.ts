import { peerBounds } from './bounds.ts'

/** The part of a WebSocket that the queue needs. */
export interface QueueSocket {
  readonly bufferedAmount: number
  send(text: string, done: (error?: Error) => void): void
}

/**
 * Frames that wait for a slow channel. Everything in it is ephemeral: when it is full the oldest goes, and once it has
 * drained `onLost` asks for the whole state to be told again.
 */
export class OutgoingQueue {
  readonly #socket: QueueSocket
  readonly #onLost: () => void
  readonly #waiting: { text: string; bytes: number }[] = []
  #bytes = 0
  #lost = false
  #dropped = 0

  constructor(socket: QueueSocket, onLost: () => void) {
    this.#socket = socket
    this.#onLost = onLost
  }

  get dropped(): number {
    return this.#dropped
  }

  get length(): number {
    return this.#waiting.length
  }

  push(text: string): void {
    const bytes = Buffer.byteLength(text)
    this.#waiting.push({ text, bytes })
    this.#bytes += bytes
    this.#pump()
    while (this.#waiting.length > peerBounds.queueFrames || this.#bytes > peerBounds.queueBytes) this.#drop()
  }

  #drop(): void {
    const oldest = this.#waiting.shift()
    if (oldest === undefined) return
    this.#bytes -= oldest.bytes
    this.#dropped += 1
    this.#lost = true
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#socket.bufferedAmount < peerBounds.socketBytes) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#bytes -= next.bytes
      this.#socket.send(next.text, (error) => {
        if (!error) this.#pump()
      })
    }
    if (this.#lost && this.#waiting.length === 0) {
      this.#lost = false
      this.#onLost()
    }
  }
}
