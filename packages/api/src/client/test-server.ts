/**
 * A double of a node for the SDK's tests, not a node: it keeps channels in memory, stores each client id once, and
 * misbehaves as a network and a busy node may: pages in any order, entries twice, late or left out, acknowledgements
 * late or lost with the connection, `busy`, `resync`, and connections that break at any moment.
 */
import { type WebSocket, WebSocketServer } from 'ws'
import { type ClientFrame, clientFrameSchema, type Entry, type ServerFrame } from '../contract/frames.ts'
import { limits } from '../contract/limits.ts'

/** Shares of 1 with which something goes wrong. */
export interface Misbehaviour {
  seed: number
  /** The connection breaks after a message from the client, before or after its frames took effect. */
  cut: number
  duplicate: number
  /** A live entry is left out; a `resync` follows. */
  omit: number
  /** A frame is held back for a moment, so that later ones overtake it. */
  delay: number
  busy: number
}

export const wellBehaved: Misbehaviour = { seed: 1, cut: 0, duplicate: 0, omit: 0, delay: 0, busy: 0 }

const pageEntries = 7
const maxDelayMs = 4

interface Channel {
  id: string
  log: Entry[]
  floor: number
  delivered: number
  read: number
}

export const me = 'p_00000000000000000001'
const other = 'p_00000000000000000002'

export function channelIdOf(index: number): string {
  return `c_${String(index).padStart(20, '0')}`
}

export class TestServer implements AsyncDisposable {
  readonly channels = new Map<string, Channel>()
  /** Every client id that ever came in, in order, repeated ones included. */
  readonly received: string[] = []
  readonly authFrames: Extract<ClientFrame, { t: 'auth' }>[] = []
  readonly marks: Extract<ClientFrame, { t: 'mark' }>[] = []
  readonly arrays: number[] = []
  connections = 0
  /** Answers `auth` instead of `ready` when set. */
  refusal: { code: 'session-ended' | 'busy'; closeCode: number } | null = null
  readonly #misbehaviour: Misbehaviour
  readonly #random: () => number
  readonly #server: WebSocketServer
  readonly #sockets = new Set<WebSocket>()
  readonly #byClientId = new Map<string, Entry>()

  private constructor(server: WebSocketServer, misbehaviour: Misbehaviour, channels: number) {
    this.#server = server
    this.#misbehaviour = misbehaviour
    this.#random = pseudoRandom(misbehaviour.seed)
    for (let i = 1; i <= channels; i++) {
      const id = channelIdOf(i)
      this.channels.set(id, { id, log: [], floor: 1, delivered: 0, read: 0 })
    }
    server.on('connection', (socket) => this.#accept(socket))
  }

  static async start(misbehaviour: Misbehaviour, channels: number): Promise<TestServer> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: limits.frameBytes })
    await new Promise<void>((resolve) => server.once('listening', resolve))
    return new TestServer(server, misbehaviour, channels)
  }

  get url(): string {
    const address = this.#server.address()
    if (typeof address === 'string' || address === null) throw new Error('The test server does not listen.')
    return `http://127.0.0.1:${address.port}`
  }

  /** An entry by somebody else. */
  post(channel: string, body: string): void {
    this.#store(channel, { id: `other-${this.#byClientId.size}`, body, from: other })
  }

  /** Removes entries below `floor`, as retention does. */
  expire(channel: string, floor: number): void {
    this.channels.get(channel)!.floor = floor
  }

  /** Sends a frame to every connection. */
  broadcast(frame: ServerFrame): void {
    for (const socket of this.#sockets) this.#send(socket, frame)
  }

  /** Breaks every connection without a goodbye. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.terminate()
  }

  closeAll(code: number, reason: string): void {
    for (const socket of this.#sockets) socket.close(code, reason)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cutAll()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #chance(share: number): boolean {
    return share > 0 && this.#random() < share
  }

  #accept(socket: WebSocket): void {
    this.connections += 1
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('message', (data) => this.#receive(socket, String(data)))
    this.#send(socket, {
      t: 'hello',
      protocol: 1,
      node: 'n_00000000000000000001',
      nodeName: 'double',
      facility: 'Test',
      nonce: `nonce-${this.connections}`,
      version: '0',
      at: Date.now(),
    })
  }

  #receive(socket: WebSocket, text: string): void {
    const value: unknown = JSON.parse(text)
    const frames = Array.isArray(value) ? value : [value]
    if (Array.isArray(value)) this.arrays.push(value.length)
    const cutBefore = this.#chance(this.#misbehaviour.cut / 2)
    if (cutBefore) {
      socket.terminate()
      return
    }
    for (const frame of frames) this.#handle(socket, clientFrameSchema.parse(frame))
    if (this.#chance(this.#misbehaviour.cut / 2)) socket.terminate()
  }

  #handle(socket: WebSocket, frame: ClientFrame): void {
    if (frame.t === 'auth') this.#authenticate(socket, frame)
    else if (frame.t === 'sync') this.#sync(socket, frame.since)
    else if (frame.t === 'history') this.#history(socket, frame)
    else if (frame.t === 'send' || frame.t === 'edit' || frame.t === 'delete') this.#submit(socket, frame)
    else if (frame.t === 'ping') this.#send(socket, { t: 'pong' })
    else if (frame.t === 'mark') {
      this.marks.push(frame)
      const channel = this.channels.get(frame.channel)!
      channel.delivered = Math.max(channel.delivered, frame.delivered ?? 0)
      channel.read = Math.max(channel.read, frame.read ?? 0)
    }
  }

  #authenticate(socket: WebSocket, frame: Extract<ClientFrame, { t: 'auth' }>): void {
    this.authFrames.push(frame)
    if (this.refusal) {
      this.#send(socket, {
        t: 'error',
        code: this.refusal.code,
        message: 'Refused by the test.',
        fatal: true,
      })
      socket.close(this.refusal.closeCode)
      return
    }
    this.#sockets.add(socket)
    this.#send(socket, {
      t: 'ready',
      person: { id: me, name: 'me', displayName: 'Me', role: 'member' },
      session: 's_00000000000000000001',
      device: null,
      channels: [...this.channels.values()].map(({ id, log, floor, delivered, read }) => ({
        id,
        name: id,
        kind: 'group' as const,
        topic: '',
        head: log.length,
        floor,
        delivered,
        read,
        archived: false,
        mayPost: true,
      })),
      at: Date.now(),
    })
  }

  #sync(socket: WebSocket, since: Record<string, number>): void {
    const pages = Object.entries(since).filter(([id, seq]) => this.channels.get(id)!.log.length > seq)
    pages.sort(() => this.#random() - 0.5)
    for (const [id, seq] of pages) {
      const page = this.#page(id, seq, pageEntries)
      this.#send(socket, page)
      if (this.#chance(this.#misbehaviour.duplicate)) this.#send(socket, page)
    }
    this.#send(socket, { t: 'synced' })
  }

  #history(socket: WebSocket, frame: Extract<ClientFrame, { t: 'history' }>): void {
    const channel = this.channels.get(frame.channel)!
    const limit = Math.min(frame.limit ?? pageEntries, pageEntries)
    const from =
      frame.before === undefined ? (frame.after ?? channel.log.length - limit) : frame.before - 1 - limit
    const page = this.#page(frame.channel, Math.max(0, from), limit)
    this.#late(socket, { ...page, id: frame.id })
  }

  #page(id: string, after: number, limit: number): Extract<ServerFrame, { t: 'page' }> {
    const { log, floor } = this.channels.get(id)!
    const entries = log.filter((entry) => entry.seq > after && entry.seq >= floor).slice(0, limit)
    const last = entries.at(-1)?.seq ?? log.length
    return { t: 'page', channel: id, entries, floor, head: log.length, more: last < log.length }
  }

  #submit(socket: WebSocket, frame: Extract<ClientFrame, { t: 'send' | 'edit' | 'delete' }>): void {
    this.received.push(frame.id)
    if (this.#chance(this.#misbehaviour.busy)) {
      this.#send(socket, { t: 'error', code: 'busy', message: 'Busy.', id: frame.id })
      return
    }
    const known = this.#byClientId.get(frame.id)
    const body = frame.t === 'delete' ? '' : frame.body
    const entry = known ?? this.#store(frame.channel, { id: frame.id, body, from: me })
    const ack: ServerFrame = { t: 'ack', id: frame.id, channel: frame.channel, seq: entry.seq, at: entry.at }
    if (known) ack.duplicate = true
    this.#late(socket, ack)
  }

  #store(channelId: string, value: { id: string; body: string; from: string }): Entry {
    const channel = this.channels.get(channelId)!
    const entry: Entry = {
      channel: channelId,
      seq: channel.log.length + 1,
      at: Date.now(),
      kind: 'text',
      ...value,
    }
    channel.log.push(entry)
    this.#byClientId.set(value.id, entry)
    for (const socket of this.#sockets) {
      if (this.#chance(this.#misbehaviour.omit)) {
        this.#late(socket, { t: 'resync', reason: 'The test left an entry out.' })
        continue
      }
      this.#late(socket, { t: 'entry', ...entry })
      if (this.#chance(this.#misbehaviour.duplicate)) this.#late(socket, { t: 'entry', ...entry })
    }
    return entry
  }

  #late(socket: WebSocket, frame: ServerFrame): void {
    if (this.#chance(this.#misbehaviour.delay))
      setTimeout(() => this.#send(socket, frame), this.#random() * maxDelayMs)
    else this.#send(socket, frame)
  }

  #send(socket: WebSocket, frame: ServerFrame): void {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(frame))
  }
}

/** Mulberry32: the same numbers for the same seed. */
function pseudoRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
