import type { ServerFrame } from '@holdfast/api/contract/frames'
import { limits } from '@holdfast/api/contract/limits'
import type { WebSocket } from 'ws'

export interface SocketMeta {
  remote: string
  userAgent: string
  /** Session token of the browser's cookie, when the page came from this node. */
  cookieToken: string | null
}

/** The part of a TLS socket that holds writes back so that several frames leave in one record. */
interface Corkable {
  cork(): void
  uncork(): void
}

/** One WebSocket of a client. Kept small: ten thousand of them idle at once. */
export class Connection {
  readonly socket: WebSocket
  readonly meta: SocketMeta
  readonly openedAt: number
  /** Unpredictable text of the hello frame that a device's proof must contain; dropped once used. */
  nonce: string
  /** 0 until the client has authenticated. */
  personNo = 0
  personId = ''
  sessionId = ''
  deviceId: string | null = null
  client = ''
  away = false
  watchesPresence = false
  closed = false
  /** Too much waits in the socket; entries are left out until it drains, then the client resyncs. */
  lagging = false
  inflight = 0
  /** Bad frames, forgiven one a minute. */
  faults = 0
  lastHeardAt: number
  pinged = false
  /** Acknowledgements and errors of this turn, sent as one array. */
  private pending: string[] = []

  constructor(socket: WebSocket, meta: SocketMeta, options: { now: number; nonce: string }) {
    this.socket = socket
    this.meta = meta
    this.openedAt = options.now
    this.lastHeardAt = options.now
    this.nonce = options.nonce
  }

  send(frame: ServerFrame): void {
    this.sendText(JSON.stringify(frame))
  }

  sendText(text: string): void {
    if (!this.closed) this.socket.send(text)
  }

  /** Bytes that are the same for many connections; left out while this one lags. */
  sendShared(bytes: Buffer): void {
    if (this.lagging || this.closed) return
    if (this.socket.bufferedAmount > limits.connectionQueueBytes) {
      this.lagging = true
      return
    }
    this.socket.send(bytes, sharedOptions)
  }

  /** Adds to this turn's array; `flush` sends it. Returns whether it is the first one, so that a flush is due. */
  push(text: string): boolean {
    return this.pending.push(text) === 1
  }

  flush(): void {
    const { pending } = this
    if (pending.length === 0) return
    this.pending = []
    this.sendText(pending.length === 1 ? (pending[0] as string) : `[${pending.join(',')}]`)
  }

  /** The underlying TLS socket, to cork it around a batch; ws has no public way to it. */
  get raw(): Corkable {
    return (this.socket as unknown as { _socket: Corkable })._socket
  }
}

const sharedOptions = { binary: false } as const
