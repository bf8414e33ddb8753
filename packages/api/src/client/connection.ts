/**
 * One connection after the other to one of a facility's nodes. Steps, each a state of connection-state.ts:
 * 1. dial the next address · 2. the node's `hello` brings a nonce · 3. `auth` answers it with the token and, with a
 * device key, a proof over the nonce · 4. `ready` · 5. the client syncs, `synced` makes it live · 6. silence is asked
 * about and ends the connection · 7. whatever ended it, the next address is tried after a back-off.
 */
import type { ErrorCode, HoldfastError } from '../contract/errors.ts'
import type { ClientFrame, ServerFrame } from '../contract/frames.ts'
import { closeCodes, protocolVersion } from '../contract/protocol.ts'
import { Backoff, type BackoffOptions } from './backoff.ts'
import { clientBounds } from './bounds.ts'
import { type ConnectionEvent, type ConnectionState, transitions } from './connection-state.ts'
import type { DeviceKey } from './device-key.ts'
import { ConnectionStoppedError, isErrorCode, isFinal, UnreachableError } from './errors.ts'
import { FrameWriter } from './frame-writer.ts'
import { parseMessage } from './incoming.ts'
import { type OpenSocket, openPlatformSocket, type SocketLike, silence } from './socket.ts'
import { clientProofTarget, clientUrl, nodeOrigin } from './urls.ts'

export type ReadyFrame = Extract<ServerFrame, { t: 'ready' }>
export type HelloFrame = Extract<ServerFrame, { t: 'hello' }>

export interface ConnectionOptions {
  /** Addresses of nodes of the facility, `https://host:port`; the next one is tried when one does not answer. */
  urls: readonly string[]
  /** Session token; without one the browser's session cookie speaks. A function is asked at every connection. */
  token?: string | (() => string | Promise<string>)
  /** Key of this device; demanded when the session is bound to it. */
  deviceKey?: DeviceKey
  /** Name and version of the program, for the node's log. */
  program?: string
  openSocket?: OpenSocket
  backoff?: BackoffOptions
  /** Attempts after which a connection that was never live stops; without it, it never gives up. */
  firstAttempts?: number
}

export interface StateChange {
  state: ConnectionState
  previous: ConnectionState
  /** The node's address. */
  url: string
  /** Why the connection was lost or has stopped. */
  error?: Error
  /** Time until the next attempt. */
  retryInMs?: number
}

/** What a connection tells its owner. */
export interface ConnectionOwner {
  onState(change: StateChange): void
  onReady(frame: ReadyFrame): void
  /** The frames of one message, without those that the connection handles itself. */
  onFrames(frames: ServerFrame[]): void
  /** The socket is gone; what was written may not have arrived. */
  onLost(): void
  onStopped(error: ConnectionStoppedError): void
}

export class Connection {
  readonly #options: ConnectionOptions
  readonly #owner: ConnectionOwner
  readonly #urls: string[]
  readonly #backoff: Backoff
  readonly #writer = new FrameWriter((text) => this.#send(text))
  #state: ConnectionState = 'idle'
  #hello: HelloFrame | null = null
  #urlIndex = 0
  #socket: SocketLike | null = null
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #heartbeatTimer: ReturnType<typeof setInterval> | undefined
  #connectTimer: ReturnType<typeof setTimeout> | undefined
  #lastHeardMs = 0
  #asked = false
  #wasLive = false
  /** The node's last word, which says more than the close code that follows it. */
  #lastRefusal: { code: ErrorCode; message: string } | null = null

  constructor(options: ConnectionOptions, owner: ConnectionOwner) {
    if (options.urls.length === 0) throw new UnreachableError('No address of a node was given.')
    this.#options = options
    this.#owner = owner
    this.#urls = options.urls.map(nodeOrigin)
    this.#backoff = new Backoff(options.backoff)
  }

  get state(): ConnectionState {
    return this.#state
  }

  get url(): string {
    return this.#urls[this.#urlIndex]!
  }

  /** What the node said about itself on this or the last connection. */
  get hello(): HelloFrame | null {
    return this.#hello
  }

  /** Whether the socket takes more now. */
  get writable(): boolean {
    if (this.#socket === null) return false
    return this.#socket.bufferedAmount + this.#writer.waiting < clientBounds.socketBytes
  }

  /** Dials, also when a back-off is still running. */
  start(): void {
    this.#step('start')
  }

  /** Ends the connection for good. */
  stop(error: ConnectionStoppedError): void {
    this.#writer.flush()
    this.#step('stop', error)
  }

  write(frame: ClientFrame): void {
    this.#writer.push(frame)
  }

  /** The owner has handled the answer to its last `sync`. */
  synced(): void {
    this.#step('synced')
  }

  /** A refusal without which this connection is of no use. Ends it: for good, or until the next attempt. */
  fail(error: HoldfastError): void {
    this.#refusedBy(error.code, error.message)
  }

  /** Enters the next state of the table, and does what being there means. */
  #step(event: ConnectionEvent, error?: Error): void {
    const previous = this.#state
    const next = transitions[previous][event]
    if (next === 'ignore') return
    if (next === 'violation') {
      this.#lost(new UnreachableError(`The node sent "${event}" in the state "${previous}".`))
      return
    }
    this.#state = next
    const change: StateChange = { state: next, previous, url: this.url }
    if (error) change.error = error
    if (next === 'connecting') {
      clearTimeout(this.#retryTimer)
      this.#owner.onState(change)
      this.#dial()
      return
    }
    if (next === 'waiting') {
      this.#hangUp()
      this.#urlIndex = (this.#urlIndex + 1) % this.#urls.length
      const retryInMs = this.#backoff.next()
      this.#retryTimer = setTimeout(() => this.#step('retry'), retryInMs)
      this.#owner.onLost()
      change.retryInMs = retryInMs
    }
    if (next === 'live') {
      this.#wasLive = true
      this.#backoff.reset()
    }
    if (next === 'stopped') {
      clearTimeout(this.#retryTimer)
      this.#hangUp()
    }
    this.#owner.onState(change)
    if (next === 'stopped')
      this.#owner.onStopped(
        error instanceof ConnectionStoppedError
          ? error
          : new ConnectionStoppedError('internal', error?.message ?? 'The connection was ended.', {
              cause: error,
            }),
      )
  }

  #dial(): void {
    const { openSocket = openPlatformSocket } = this.#options
    let socket: SocketLike
    this.#lastRefusal = null
    let reason = ''
    try {
      socket = openSocket(clientUrl(this.url))
    } catch (cause) {
      this.#lost(new UnreachableError(`${this.url} cannot be dialled: ${messageOf(cause)}`, { cause }))
      return
    }
    this.#socket = socket
    socket.onopen = () => {
      this.#heard()
      this.#step('opened')
    }
    socket.onmessage = (event) => this.#receive(event.data)
    socket.onerror = (event: unknown) => {
      reason = messageOf(event)
    }
    socket.onclose = (event) => this.#closed(event.code, event.reason || reason)
    this.#heard()
    this.#connectTimer = setTimeout(
      () =>
        this.#lost(
          new UnreachableError(`${this.url} did not answer in ${clientBounds.connectTimeoutMs / 1000} s.`),
        ),
      clientBounds.connectTimeoutMs,
    )
    this.#heartbeatTimer = setInterval(() => this.#heartbeat(), clientBounds.heartbeatMs / 4)
  }

  #receive(data: unknown): void {
    this.#heard()
    let frames: ServerFrame[]
    try {
      frames = parseMessage(data)
    } catch (error) {
      this.#lost(error instanceof Error ? error : new UnreachableError(messageOf(error)))
      return
    }
    const socket = this.#socket
    const rest: ServerFrame[] = []
    for (const frame of frames) {
      // A frame before this one may have ended the connection.
      if (this.#socket !== socket) return
      if (frame.t === 'hello') this.#greeted(frame)
      else if (frame.t === 'ready') {
        clearTimeout(this.#connectTimer)
        this.#step('ready')
        if (this.#state === 'syncing') this.#owner.onReady(frame)
      } else if (frame.t === 'error' && frame.fatal) this.#refusedBy(frame.code, frame.message)
      else if (frame.t === 'resync') {
        this.#step('resync')
        rest.push(frame)
      } else if (frame.t !== 'pong') rest.push(frame)
    }
    if (rest.length > 0 && this.#socket === socket) this.#owner.onFrames(rest)
  }

  #greeted(hello: HelloFrame): void {
    this.#step('hello')
    if (this.#state !== 'authenticating') return
    this.#hello = hello
    if (hello.protocol !== protocolVersion) {
      const message = `The node speaks version ${hello.protocol} of the protocol, this program version ${protocolVersion}. Update the older one.`
      this.#step('refused', new ConnectionStoppedError('bad-request', message))
      return
    }
    const socket = this.#socket
    this.#authFrame(hello).then(
      (frame) => {
        if (this.#socket === socket) this.write(frame)
      },
      (cause) => {
        if (this.#socket === socket)
          this.#lost(
            new UnreachableError(`The credentials cannot be prepared: ${messageOf(cause)}`, { cause }),
          )
      },
    )
  }

  async #authFrame(hello: HelloFrame): Promise<ClientFrame> {
    const { token: source, deviceKey, program } = this.#options
    const frame: Extract<ClientFrame, { t: 'auth' }> = { t: 'auth' }
    const token = typeof source === 'function' ? await source() : source
    if (token !== undefined) frame.token = token
    if (program !== undefined) frame.client = program
    if (deviceKey) {
      const htu = clientProofTarget(this.url)
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

  #refusedBy(code: ErrorCode, message: string): void {
    const known = isErrorCode(code) ? code : 'internal'
    this.#lastRefusal = { code: known, message }
    if (isFinal(known)) this.#step('refused', new ConnectionStoppedError(known, message))
    else this.#lost(new UnreachableError(message))
  }

  #closed(code: number, reason: string): void {
    const said = this.#lastRefusal?.message
    if (code === closeCodes.revoked)
      this.#step(
        'refused',
        new ConnectionStoppedError('session-ended', said ?? (reason || 'Your access was revoked.')),
      )
    else if (code === closeCodes.unauthenticated)
      this.#step(
        'refused',
        new ConnectionStoppedError('unauthenticated', said ?? (reason || 'Sign in again.')),
      )
    else if (code === closeCodes.badFrame || code === closeCodes.tooLarge)
      this.#step(
        'refused',
        new ConnectionStoppedError(
          code === closeCodes.tooLarge ? 'too-large' : 'bad-request',
          said ?? `The node refused what this program sent (${reason || code}).`,
        ),
      )
    else if (this.#state === 'connecting')
      this.#lost(new UnreachableError(`${this.url} cannot be reached: ${reason || `close code ${code}`}.`))
    else this.#lost(new UnreachableError(said ?? `${this.url} closed the connection (${reason || code}).`))
  }

  #lost(error: Error): void {
    const { firstAttempts = Number.POSITIVE_INFINITY } = this.#options
    if (!this.#wasLive && this.#backoff.failures + 1 >= firstAttempts)
      this.#step('refused', new ConnectionStoppedError('busy', error.message, { cause: error }))
    else this.#step('lost', error)
  }

  #heard(): void {
    this.#lastHeardMs = performance.now()
    this.#asked = false
  }

  #heartbeat(): void {
    if (this.#state === 'connecting' || this.#state === 'greeting' || this.#state === 'authenticating') return
    const silentMs = performance.now() - this.#lastHeardMs
    if (silentMs >= clientBounds.heartbeatMs + clientBounds.heartbeatGraceMs)
      this.#lost(new UnreachableError(`${this.url} has been silent for ${Math.round(silentMs / 1000)} s.`))
    else if (silentMs >= clientBounds.heartbeatMs && !this.#asked) {
      this.#asked = true
      this.write({ t: 'ping' })
    }
  }

  #send(text: string): void {
    if (!this.#socket) return
    try {
      this.#socket.send(text)
    } catch (cause) {
      this.#lost(new UnreachableError(`Writing to ${this.url} failed: ${messageOf(cause)}`, { cause }))
    }
  }

  #hangUp(): void {
    clearTimeout(this.#connectTimer)
    clearInterval(this.#heartbeatTimer)
    this.#writer.clear()
    const socket = this.#socket
    this.#socket = null
    if (!socket) return
    silence(socket)
    // A closing handshake with a dead peer would keep the socket for half a minute, so where it can be cut it is cut.
    const timer = setTimeout(() => socket.terminate?.(), clientBounds.hangUpMs)
    socket.onclose = () => clearTimeout(timer)
    socket.close(1000)
  }
}

function messageOf(cause: unknown): string {
  if (typeof cause === 'object' && cause !== null && 'message' in cause && typeof cause.message === 'string')
    return cause.message
  return typeof cause === 'string' ? cause : 'unknown reason'
}
