import type { ClientFrame, ServerFrame } from '@holdfast/api/contract/frames'
import { type RawData, WebSocket } from 'ws'

/** A hang guard, not an expectation. */
const waitGuardMs = 30_000
/** Frames shown when one that is waited for does not come. */
const shownFrames = 12

export type FrameOf<T extends ServerFrame['t']> = Extract<ServerFrame, { t: T }>
export interface Closed {
  code: number
  reason: string
}

export interface RawClientOptions {
  headers?: Record<string, string>
  localAddress?: string
}

interface Waiter {
  matches: (frame: ServerFrame) => boolean
  resolve: (frame: ServerFrame) => void
}

/** A client of the protocol that does nothing by itself: it keeps what comes and lets tests wait for it. */
export class RawClient {
  readonly socket: WebSocket
  /** Every frame that came, in order. */
  readonly frames: ServerFrame[] = []
  /** The end of the connection. */
  readonly closed: Promise<Closed>
  closedWith: Closed | null = null
  #taken = new Set<ServerFrame>()
  #waiters = new Set<Waiter>()

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data: RawData) => this.#receive(data))
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        this.closedWith = { code, reason: reason.toString() }
        resolve(this.closedWith)
      })
    })
  }

  static open(port: number, ca: string, options: RawClientOptions = {}): Promise<RawClient> {
    const socket = new WebSocket(`wss://127.0.0.1:${port}/client/v1`, {
      ca,
      perMessageDeflate: false,
      headers: options.headers ?? {},
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
    })
    const client = new RawClient(socket)
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(client))
      socket.once('error', reject)
    })
  }

  send(...frames: (ClientFrame | Record<string, unknown>)[]): void {
    this.sendText(JSON.stringify(frames.length === 1 ? frames[0] : frames))
  }

  sendText(text: string | Buffer): void {
    this.socket.send(text)
  }

  /** Resolves with the first frame of this type, and matching, that no call has returned before. */
  async next<T extends ServerFrame['t']>(
    type: T,
    matches: (frame: FrameOf<T>) => boolean = () => true,
  ): Promise<FrameOf<T>> {
    const wanted = (frame: ServerFrame) =>
      frame.t === type && !this.#taken.has(frame) && matches(frame as FrameOf<T>)
    const held = this.frames.find(wanted)
    const frame = held ?? (await this.#wait(type, wanted))
    this.#taken.add(frame)
    return frame as FrameOf<T>
  }

  /** Frames of this type that came so far. */
  all<T extends ServerFrame['t']>(type: T): FrameOf<T>[] {
    return this.frames.filter((frame): frame is FrameOf<T> => frame.t === type)
  }

  async authenticate(token: string, proof?: string): Promise<FrameOf<'ready'>> {
    await this.next('hello')
    this.send({ t: 'auth', token, ...(proof === undefined ? {} : { proof }) })
    return this.next('ready')
  }

  /** Sends a message and resolves with its acknowledgement. */
  async say(channel: string, body: string, more: Record<string, unknown> = {}): Promise<FrameOf<'ack'>> {
    const id = (more.id as string | undefined) ?? nextId()
    this.send({ t: 'send', channel, id, body, ...more })
    return this.#answer(id)
  }

  async edit(channel: string, seq: number, body: string, id = nextId()): Promise<FrameOf<'ack'>> {
    this.send({ t: 'edit', channel, id, seq, body })
    return this.#answer(id)
  }

  async remove(channel: string, seq: number, id = nextId()): Promise<FrameOf<'ack'>> {
    this.send({ t: 'delete', channel, id, seq })
    return this.#answer(id)
  }

  /** Sends a frame with an id and resolves with the error that answers it. */
  async refused(frame: Record<string, unknown> & { t: string }): Promise<FrameOf<'error'>> {
    const id = frame.id ?? nextId()
    this.send({ ...frame, id })
    return this.next('error', (error) => error.id === id)
  }

  async history(channel: string, range: Record<string, unknown> = {}): Promise<FrameOf<'page'>> {
    const id = nextId()
    this.send({ t: 'history', id, channel, ...range })
    return this.next('page', (page) => page.id === id)
  }

  /** A round trip: everything that the node had sent before has come. */
  async ping(): Promise<void> {
    const id = nextId()
    this.send({ t: 'ping', id })
    await this.next('pong', (pong) => pong.id === id)
  }

  close(): Promise<Closed> {
    this.socket.close(1000)
    return this.closed
  }

  terminate(): void {
    this.socket.terminate()
  }

  async #answer(id: string): Promise<FrameOf<'ack'>> {
    const frame = await this.#wait(
      `ack or error of ${id}`,
      (each) => (each.t === 'ack' || each.t === 'error') && each.id === id && !this.#taken.has(each),
    )
    this.#taken.add(frame)
    if (frame.t === 'ack') return frame
    throw new Error(`refused: ${JSON.stringify(frame)}`)
  }

  #receive(data: RawData): void {
    const value = JSON.parse(data.toString()) as ServerFrame | ServerFrame[]
    for (const frame of Array.isArray(value) ? value : [value]) {
      this.frames.push(frame)
      for (const waiter of this.#waiters) {
        if (!waiter.matches(frame)) continue
        this.#waiters.delete(waiter)
        waiter.resolve(frame)
        break
      }
    }
  }

  #wait(what: string, matches: (frame: ServerFrame) => boolean): Promise<ServerFrame> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        clearTimeout(guard)
        this.#waiters.delete(waiter)
        const shown = this.frames.slice(-shownFrames).map((frame) => JSON.stringify(frame).slice(0, 200))
        reject(new Error(`${why} while waiting for ${what}; the last frames:\n${shown.join('\n')}`))
      }
      const guard = setTimeout(() => fail(`nothing came in ${waitGuardMs} ms`), waitGuardMs)
      const waiter: Waiter = {
        matches,
        resolve: (frame) => {
          clearTimeout(guard)
          resolve(frame)
        },
      }
      this.#waiters.add(waiter)
      void this.closed.then(({ code, reason }) => {
        if (this.#waiters.has(waiter)) fail(`the connection was closed (${code} ${reason})`)
      })
    })
  }
}

let ids = 0
/** A client message id that no other test of this process uses. */
export function nextId(): string {
  ids += 1
  return `t-${process.pid}-${ids}`
}
