import { type Connection, connectors } from './connection.ts'
import { MessageIds } from './message-id.ts'
import type { Meter } from './meter.ts'
import type { Endpoint, Room } from './plan.ts'

/** What all rooms of a driver share. */
export interface LoadContext {
  endpoint: Endpoint
  window: number
  bodies: string[]
  meter: Meter
  failed(reason: string): void
}

/** One room: its sender keeps the window full, its members listen. A send follows exactly when an acknowledgement frees a place. */
export class RoomLoad {
  readonly #context: LoadContext
  readonly #room: Room
  readonly #ids = new MessageIds()
  readonly #sentAt = new Map<string, number>()
  readonly #connections: Connection[] = []
  #sent = 0
  #deliveries = 0
  #isSending = false

  constructor(context: LoadContext, room: Room) {
    this.#context = context
    this.#room = room
  }

  /** Every send is acknowledged and every member has every message. */
  get isComplete(): boolean {
    return this.#sentAt.size === 0 && this.#deliveries === this.#sent * this.#connections.length
  }

  /** Connects one member after the other, the sender first: in XMPP the first to enter a room creates it. */
  async connect(): Promise<void> {
    const { endpoint, failed } = this.#context
    const events = {
      acknowledged: (ids: string[]) => this.#acknowledged(ids),
      delivered: (count: number) => this.#delivered(count),
      failed,
    }
    for (const member of this.#room.members) {
      const request = { endpoint, member, roomAddress: this.#room.address, events }
      this.#connections.push(await connectors[endpoint.protocol](request))
    }
  }

  start(): void {
    this.#isSending = true
    this.#send(this.#context.window)
  }

  stop(): void {
    this.#isSending = false
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }

  #delivered(count: number): void {
    this.#deliveries += count
    this.#context.meter.delivered(count)
  }

  #acknowledged(ids: string[]): void {
    const now = performance.now()
    for (const id of ids) {
      const sentAt = this.#sentAt.get(id)
      if (sentAt === undefined) {
        this.#context.failed(`message ${id} was acknowledged twice or never sent`)
        return
      }
      this.#sentAt.delete(id)
      this.#context.meter.acknowledged(now - sentAt)
    }
    if (this.#isSending) this.#send(ids.length)
  }

  #send(count: number): void {
    const { bodies } = this.#context
    const now = performance.now()
    const messages = Array.from({ length: count }, () => {
      const id = this.#ids.next()
      this.#sentAt.set(id, now)
      return { id, body: bodies[this.#sent++ % bodies.length]! }
    })
    this.#connections[0]!.send(messages)
  }
}
