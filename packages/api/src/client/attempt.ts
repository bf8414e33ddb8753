/**
 * One attempt to reach one node: 1. dial · 2. the node's `hello` brings a nonce · 3. `auth` answers it with the token and,
 * with a device key, a proof over the nonce · 4. `ready`. Ends once, with a link or with an error.
 */
import type { ClientFrame, ServerFrame } from '../contract/frames.ts'
import { protocolVersion } from '../contract/protocol.ts'
import { clientBounds } from './bounds.ts'
import { closeReason, messageOf, refusalOf } from './close-reason.ts'
import type { DeviceKey } from './device-key.ts'
import { ConnectionStoppedError, UnreachableError } from './errors.ts'
import { parseMessage } from './incoming.ts'
import { type OpenSocket, openPlatformSocket, type SocketLike, silence } from './socket.ts'
import { clientProofTarget, clientUrl } from './urls.ts'

export type ReadyFrame = Extract<ServerFrame, { t: 'ready' }>
export type HelloFrame = Extract<ServerFrame, { t: 'hello' }>

export interface Credentials {
  /** Session token; without one the browser's session cookie speaks. A function is asked at every attempt. */
  token?: string | (() => string | Promise<string>)
  /** Key of this device; demanded when the session is bound to it. */
  deviceKey?: DeviceKey
  /** Name and version of the program, for the node's log. */
  program?: string
  openSocket?: OpenSocket
}

/** An authenticated socket. Its handlers belong to whoever takes it. */
export interface Link {
  url: string
  socket: SocketLike
  hello: HelloFrame
  ready: ReadyFrame
  /** Frames that came behind `ready` in the same message. */
  rest: ServerFrame[]
}

export interface AttemptOptions {
  url: string
  credentials: Credentials
  timeoutMs: number
  /** Branch of the places that the client has; null: it has none. */
  branch(): string | null
  onReady(link: Link): void
  onFailed(error: Error): void
}

export class Attempt {
  readonly #o: AttemptOptions
  #expects: 'open' | 'hello' | 'ready' | 'nothing' = 'open'
  #socket: SocketLike | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #hello: HelloFrame | null = null
  #said: string | undefined

  constructor(options: AttemptOptions) {
    this.#o = options
  }

  start(): void {
    const { url, credentials, timeoutMs } = this.#o
    const { openSocket = openPlatformSocket } = credentials
    let reason = ''
    let socket: SocketLike
    try {
      socket = openSocket(clientUrl(url))
    } catch (cause) {
      this.#fail(new UnreachableError(`${url} cannot be dialled: ${messageOf(cause)}`, { cause }))
      return
    }
    this.#socket = socket
    this.#timer = setTimeout(
      () => this.#fail(new UnreachableError(`${url} did not answer in ${Math.round(timeoutMs / 1000)} s.`)),
      timeoutMs,
    )
    socket.onopen = () => {
      if (this.#expects === 'open') this.#expects = 'hello'
    }
    socket.onmessage = (event) => this.#receive(event.data)
    socket.onerror = (event: unknown) => {
      reason = messageOf(event)
    }
    socket.onclose = (event) =>
      this.#fail(
        this.#expects === 'open'
          ? new UnreachableError(`${url} cannot be reached: ${reason || `close code ${event.code}`}.`)
          : closeReason(url, { code: event.code, reason: event.reason || reason }, this.#said),
      )
  }

  /** Gives up without telling anybody. */
  cancel(): void {
    this.#end()
    if (this.#socket) hangUp(this.#socket)
    this.#socket = null
  }

  #receive(data: unknown): void {
    let frames: ServerFrame[]
    try {
      frames = parseMessage(data)
    } catch (error) {
      this.#fail(error as Error)
      return
    }
    for (const [i, frame] of frames.entries()) {
      if (this.#expects === 'nothing') return
      if (frame.t === 'error' && frame.fatal) this.#refused(frame)
      else if (frame.t === 'hello' && this.#expects === 'hello') this.#greeted(frame)
      else if (frame.t === 'ready' && this.#expects === 'ready' && this.#hello) {
        const socket = this.#socket!
        this.#socket = null
        this.#end()
        this.#o.onReady({
          url: this.#o.url,
          socket,
          hello: this.#hello,
          ready: frame,
          rest: frames.slice(i + 1),
        })
        return
      } else if (frame.t !== 'pong' && frame.t !== 'notice')
        this.#fail(new UnreachableError(`${this.#o.url} sent "${frame.t}" where "${this.#expects}" was due.`))
    }
  }

  #refused(frame: Extract<ServerFrame, { t: 'error' }>): void {
    this.#said = frame.message
    this.#fail(refusalOf(frame.code, frame.message))
  }

  #greeted(hello: HelloFrame): void {
    this.#expects = 'ready'
    this.#hello = hello
    if (hello.protocol !== protocolVersion) {
      const message = `The node speaks version ${hello.protocol} of the protocol, this program version ${protocolVersion}. Update the older one.`
      this.#fail(new ConnectionStoppedError('bad-request', message))
      return
    }
    this.#authFrame(hello)
      .then((frame) => this.#socket?.send(JSON.stringify(frame)))
      .catch((cause) =>
        this.#fail(
          new UnreachableError(`The credentials cannot be prepared: ${messageOf(cause)}`, { cause }),
        ),
      )
  }

  async #authFrame(hello: HelloFrame): Promise<ClientFrame> {
    const { token: source, deviceKey, program } = this.#o.credentials
    const frame: Extract<ClientFrame, { t: 'auth' }> = { t: 'auth' }
    const token = typeof source === 'function' ? await source() : source
    if (token !== undefined) frame.token = token
    if (program !== undefined) frame.client = program
    const branch = this.#o.branch()
    if (branch !== null) frame.branch = branch
    if (deviceKey) {
      const htu = clientProofTarget(this.#o.url)
      frame.proof = await deviceKey.proof({
        htm: 'GET',
        htu,
        nonce: hello.nonce,
        atMs: hello.at,
        ...(token ? { token } : {}),
      })
    }
    return frame
  }

  #fail(error: Error): void {
    if (this.#expects === 'nothing') return
    this.cancel()
    this.#o.onFailed(error)
  }

  #end(): void {
    this.#expects = 'nothing'
    clearTimeout(this.#timer)
  }
}

/** Closes a socket, and cuts it where that can be done: a closing handshake with a dead node would keep it for long. */
export function hangUp(socket: SocketLike): void {
  silence(socket)
  const timer = setTimeout(() => socket.terminate?.(), clientBounds.hangUpMs)
  socket.onclose = () => clearTimeout(timer)
  socket.close(1000)
}
