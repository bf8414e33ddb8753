import type { ServerFrame } from '@holdfast/api/contract/frames'
import { limits } from '@holdfast/api/contract/limits'
import type { WebSocket } from 'ws'

export interface SocketMeta {
  remote: string
  userAgent: string
  /** Session token of the browser's cookie, when the page came from this node. */
  cookieToken: string | null
}

/** The part of a TLS socket that holds writes back, so that several frames leave in one record, and tells when they left. */
interface RawSocket {
  cork(): void
  uncork(): void
  on(event: 'drain' | 'close', listener: () => void): unknown
  off(event: 'drain' | 'close', listener: () => void): unknown
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
  /** Whether the person's role takes part in talk; an auditor's does not, whatever channels he is in. */
  talks = false
  away = false
  watchesPresence = false
  closed = false
  /** Too much waits in the socket; entries are left out until it drains, then the client resyncs. */
  lagging = false
  inflight = 0
  /** How far the person has read, by number of the channels that this connection writes to. */
  readonly ownRead = new Map<number, number>()
  /** Reads under way or waiting, and the end of the last one. */
  reads = 0
  lastRead: Promise<void> | null = null
  /** Nothing is read from the socket until it has drained. */
  private paused = false
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

  /** Stops reading from a client that does not read, until it has taken what waits for it. */
  holdWhileFull(): void {
    if (this.paused || this.closed || this.socket.bufferedAmount <= limits.connectionQueueBytes) return
    this.paused = true
    this.socket.pause()
    void this.drained().then(() => {
      this.paused = false
      this.socket.resume()
    })
  }

  /** Resolves when the socket has room again, or is closed. */
  drained(): Promise<void> {
    const { raw } = this
    if (this.closed || !raw || this.socket.bufferedAmount <= limits.connectionQueueBytes)
      return Promise.resolve()
    return new Promise((resolve) => {
      const done = (): void => {
        raw.off('drain', done)
        raw.off('close', done)
        resolve()
      }
      raw.on('drain', done)
      raw.on('close', done)
    })
  }

  /** The underlying TLS socket, to cork it around a batch; ws has no public way to it. */
  get raw(): RawSocket | null {
    return (this.socket as unknown as { _socket: RawSocket | null })._socket
  }
}

const sharedOptions = { binary: false } as const
