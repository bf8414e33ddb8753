import { createHash } from 'node:crypto'
import { type Connection, connectors } from './connection.ts'
import { MessageIds } from './message-id.ts'
import type { Meter } from './meter.ts'
import { acknowledgedLine, type Endpoint, type Room, type RoomResult } from './plan.ts'

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
  readonly #digest = createHash('sha256')
  #lastSequence = 0
  #sent = 0
  #acknowledgements = 0
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
    const { failed } = this.#context
    const endpoint = this.#room.endpoint ?? this.#context.endpoint
    const events = {
      acknowledged: (ids: string[], sequences?: number[]) => this.#acknowledged(ids, sequences),
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

  /** Once, when all is over. */
  result(): RoomResult {
    return {
      address: this.#room.address,
      acknowledged: this.#acknowledgements,
      digest: this.#lastSequence === 0 ? null : this.#digest.digest('hex'),
    }
  }

  #delivered(count: number): void {
    this.#deliveries += count
    this.#context.meter.delivered(count)
  }

  #acknowledged(ids: string[], sequences?: number[]): void {
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
    this.#acknowledgements += ids.length
    if (sequences) this.#remember(ids, sequences)
    if (this.#isSending) this.#send(ids.length)
  }

  /** The room has one sender on one connection, so that its messages take their places in the order of the sends. */
  #remember(ids: string[], sequences: number[]): void {
    let lines = ''
    for (const [index, id] of ids.entries()) {
      const sequence = sequences[index]!
      if (sequence <= this.#lastSequence)
        this.#context.failed(
          `message ${id} was acknowledged as entry ${sequence} after entry ${this.#lastSequence}`,
        )
      this.#lastSequence = sequence
      lines += acknowledgedLine(sequence, id)
    }
    this.#digest.update(lines)
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
