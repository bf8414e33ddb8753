/**
 * One connection after the other to the nodes of a facility. Each state of connection-state.ts has its duty:
 * 1. connecting: nodes are dialled until one accepts · 2. syncing: the client asks for what it missed · 3. live · 4. silence
 * is asked about and ends the connection · 5. whatever ended it, another node is dialled at once · 6. waiting: when none
 * can be tried · 7. read-only: the node has no quorum; one that has is looked for while this one goes on serving.
 */
import { type ErrorCode, HoldfastError } from '../contract/errors.ts'
import type { ClientFrame, ServerFrame } from '../contract/frames.ts'
import { type Credentials, type HelloFrame, hangUp, type Link, type ReadyFrame } from './attempt.ts'
import type { BackoffOptions } from './backoff.ts'
import { clientBounds, defaultTiming, type Timing } from './bounds.ts'
import { closeReason, messageOf, refusalOf } from './close-reason.ts'
import { type ConnectionEvent, type ConnectionState, transitions } from './connection-state.ts'
import { Dialler } from './dialler.ts'
import { ConnectionStoppedError, UnreachableError } from './errors.ts'
import { FrameWriter } from './frame-writer.ts'
import { Heartbeat } from './heartbeat.ts'
import { parseMessage } from './incoming.ts'
import { NodeList } from './node-list.ts'

export type { HelloFrame, ReadyFrame }

export interface ConnectionOptions extends Credentials {
  /**
   * Addresses of nodes of the facility, `https://host:port`, the best first; or a list that is shared with other users of
   * it, such as `createApi`.
   */
  urls: readonly string[] | NodeList
  /** Of each node by itself. Without effect on a shared list. */
  backoff?: BackoffOptions
  /** Failures of every known node after which a connection that was never live stops; without it, it never gives up. */
  firstAttempts?: number
  timing?: Partial<Timing>
}

export interface StateChange {
  state: ConnectionState
  previous: ConnectionState
  /** The node's address. */
  url: string
  /** Why the connection was lost or has stopped, or why nothing can be stored. */
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
  /** The socket is gone, or another one takes its place; what was written may not have arrived. */
  onLost(): void
  onStopped(error: ConnectionStoppedError): void
  /** Whether the node owes an answer. */
  isOwed(): boolean
  /** Whether the node is there and answers no message for so long. */
  isStalled(ms: number): boolean
  /** Whether something waits to be stored. */
  hasUnstored(): boolean
  /** As in AttemptOptions. */
  branch(): string | null
}

export class Connection {
  readonly nodes: NodeList
  readonly #options: ConnectionOptions
  readonly #owner: ConnectionOwner
  readonly #timing: Timing
  readonly #dialler: Dialler
  readonly #writer = new FrameWriter((text) => this.#send(text))
  #state: ConnectionState = 'idle'
  #link: Link | null = null
  /** Of this or the last connection. */
  #hello: HelloFrame | null = null
  #url: string
  #heartbeat: Heartbeat | null = null
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #discoverTimer: ReturnType<typeof setTimeout> | undefined
  #moveTimer: ReturnType<typeof setTimeout> | undefined
  #wasLive = false
  /** Whether the nodes were looked for since the last connection. */
  #looked = false
  /** Why nothing can be stored; null while it can, as far as is known. */
  #noQuorum: Error | null = null
  /** Whether the node of this connection has said so itself. */
  #isMute = false
  /** Whether the node before could store nothing and no other did better: until this one stores something, so with it. */
  #isDoubted = false
  /** The node's last word, which says more than the close code that follows it. */
  #said: string | undefined

  constructor(options: ConnectionOptions, owner: ConnectionOwner) {
    this.#options = options
    this.#owner = owner
    this.#timing = { ...defaultTiming, ...options.timing }
    this.nodes = NodeList.of(options.urls, options.backoff === undefined ? {} : { backoff: options.backoff })
    this.#url = this.nodes.best
    this.#dialler = new Dialler({
      nodes: this.nodes,
      credentials: options,
      timing: this.#timing,
      branch: () => owner.branch(),
      onReady: (link) => this.#adopt(link),
      onIdle: (waitMs, error) => {
        if (this.#link) this.#stayReadOnly()
        else this.#exhausted(waitMs, error)
      },
      onRefused: (error) => this.#step('refused', error),
    })
  }

  get state(): ConnectionState {
    return this.#state
  }

  get url(): string {
    return this.#url
  }

  /** What the node said about itself on this or the last connection. */
  get hello(): HelloFrame | null {
    return this.#hello
  }

  /** Whether the socket takes more now. */
  get writable(): boolean {
    if (this.#link === null) return false
    return this.#link.socket.bufferedAmount + this.#writer.waiting < clientBounds.socketBytes
  }

  /** Dials, also when a back-off is still running. */
  start(): void {
    if (this.#link || this.#state === 'stopped') return
    this.nodes.hurry()
    if (this.#state === 'connecting') this.#dialler.start()
    else this.#step('start')
  }

  /** Ends the connection for good. */
  stop(error: ConnectionStoppedError): void {
    this.#writer.flush()
    this.#step('stop', error)
  }

  write(frame: ClientFrame): void {
    this.#writer.push(frame)
    this.#heartbeat?.sent()
  }

  /** The owner has handled the answer to its last `sync`. */
  synced(): void {
    if (this.#noQuorum && (this.#isMute || (this.#isDoubted && this.#owner.hasUnstored())))
      this.#step('syncedReadOnly', this.#noQuorum)
    else {
      this.#noQuorum = null
      this.#step('synced')
    }
  }

  /** A refusal without which this connection is of no use. Ends it: for good, or until the next attempt. */
  fail(error: HoldfastError): void {
    this.#ended(refusalOf(error.code, error.message))
  }

  /** Whether what the node refused with this code may be stored by another one: that has a quorum, or room on its disk. */
  mayBeStoredElsewhere(code: ErrorCode): boolean {
    return code === 'no-quorum' || (code === 'disk-full' && this.nodes.urls.length > 1)
  }

  /** The node says that it can store nothing. Another one is tried while this one goes on serving what can be read. */
  quorumLost(error: Error): void {
    if (!this.#link) return
    this.#noQuorum = error
    this.#isMute = true
    this.nodes.refused(this.#url)
    this.#move()
  }

  /** The node stores again. */
  quorumBack(): void {
    this.nodes.writable(this.#url)
    if (this.#noQuorum === null) return
    this.#noQuorum = null
    this.#isMute = false
    clearTimeout(this.#moveTimer)
    this.#dialler.stop()
    this.#step('quorumBack')
  }

  /** Enters the next state of the table, and does what being there means. */
  #step(event: ConnectionEvent, error?: Error, retryInMs?: number): void {
    const previous = this.#state
    const next = transitions[previous][event]
    if (next === 'ignore') return
    this.#state = next
    clearTimeout(this.#retryTimer)
    if (next === 'live' || next === 'read-only') this.#wasLive = true
    const change: StateChange = { state: next, previous, url: this.#url }
    if (error) change.error = error
    if (retryInMs !== undefined) change.retryInMs = retryInMs
    if (next === 'stopped') {
      this.#dialler.stop()
      clearTimeout(this.#discoverTimer)
      this.#unlink()
    }
    this.#owner.onState(change)
    // A handler of the application may have stepped on.
    if (this.#state !== next) return
    if (next === 'connecting') {
      this.#watchForOthers()
      this.#dialler.start()
    } else if (next === 'waiting') {
      this.#watchForOthers()
      this.#retryTimer = setTimeout(() => this.#step('retry'), Math.ceil(retryInMs ?? 0))
    } else if (next === 'stopped')
      this.#owner.onStopped(
        error instanceof ConnectionStoppedError
          ? error
          : new ConnectionStoppedError('internal', error?.message ?? 'The connection was ended.', {
              cause: error,
            }),
      )
  }

  /** Takes an authenticated socket into use, in the place of the one there may be. */
  #adopt(link: Link): void {
    this.#isDoubted = this.#state === 'read-only'
    if (this.#link) {
      this.#unlink()
      this.#owner.onLost()
    }
    clearTimeout(this.#discoverTimer)
    this.#discoverTimer = undefined
    this.#looked = false
    this.#isMute = false
    this.#said = undefined
    this.#link = link
    this.#hello = link.hello
    this.#url = link.url
    const { socket } = link
    socket.onmessage = (event) => this.#receive(event.data)
    let reason = ''
    socket.onerror = (event: unknown) => {
      reason = messageOf(event)
    }
    socket.onclose = (event) =>
      this.#ended(closeReason(link.url, { code: event.code, reason: event.reason || reason }, this.#said))
    this.#heartbeat = new Heartbeat({
      timing: this.#timing,
      isOwed: () => this.#state === 'syncing' || this.#owner.isOwed(),
      bytes: () => socket.bytesReceived?.(),
      ask: () => this.#writer.push({ t: 'ping' }),
      onOwed: () => {
        if (this.#owner.isStalled(this.#timing.stallMs))
          this.quorumLost(new HoldfastError('no-quorum', `${link.url} has stored nothing for a while.`))
      },
      onSilent: (ms) =>
        this.#ended(new UnreachableError(`${link.url} has been silent for ${(ms / 1000).toFixed(1)} s.`)),
    })
    // A browser's session is a cookie of one node, and its page may talk to no other.
    if (link.ready.nodes && this.#options.token !== undefined) this.nodes.learn(link.ready.nodes)
    this.#step('ready')
    if (this.#link !== link) return
    this.#owner.onReady(link.ready)
    if (link.rest.length > 0) this.#take(link.rest)
  }

  #receive(data: unknown): void {
    this.#heartbeat?.heard()
    let frames: ServerFrame[]
    try {
      frames = parseMessage(data)
    } catch (error) {
      this.#ended(error instanceof Error ? error : new UnreachableError(messageOf(error)))
      return
    }
    this.#take(frames)
  }

  #take(frames: ServerFrame[]): void {
    const link = this.#link
    const rest: ServerFrame[] = []
    for (const frame of frames) {
      if (frame.t === 'hello' || frame.t === 'ready')
        this.#ended(new UnreachableError(`${this.#url} sent "${frame.t}" twice.`))
      else if (frame.t === 'error' && frame.fatal) this.#refusedBy(frame.code, frame.message)
      else if (frame.t === 'resync') {
        this.#step('resync')
        rest.push(frame)
      } else if (frame.t !== 'pong') rest.push(frame)
      // This frame may have ended the connection.
      if (this.#link !== link) return
    }
    if (rest.length > 0) this.#owner.onFrames(rest)
  }

  #refusedBy(code: ErrorCode, message: string): void {
    this.#said = message
    this.#ended(refusalOf(code, message))
  }

  /** The connection is over. */
  #ended(error: Error): void {
    if (!this.#link) return
    if (error instanceof ConnectionStoppedError) {
      this.#step('refused', error)
      return
    }
    this.nodes.failed(this.#url)
    this.#unlink()
    this.#owner.onLost()
    if (this.nodes.ready().length > 0) this.#step('lost', error)
    else this.#exhausted(this.nodes.waitMs(), error)
  }

  /** No node answers. Gives up where the application wants that, after others have been looked for. */
  #exhausted(waitMs: number, error: Error): void {
    const { firstAttempts = Number.POSITIVE_INFINITY } = this.#options
    const enough = this.nodes.urls.every((url) => this.nodes.failures(url) >= firstAttempts)
    if (this.#wasLive || !enough) this.#step('exhausted', error, waitMs)
    else if (this.nodes.canDiscover && !this.#looked) {
      this.#step('exhausted', error, waitMs)
      void this.#look()
    } else this.#step('refused', new ConnectionStoppedError('busy', error.message, { cause: error }))
  }

  #watchForOthers(): void {
    if (!this.nodes.canDiscover || this.#discoverTimer !== undefined) return
    const { discoverAfterMs, discoverEveryMs } = this.#timing
    this.#discoverTimer = setTimeout(
      () => void this.#look(),
      this.#looked ? discoverEveryMs : discoverAfterMs,
    )
  }

  async #look(): Promise<void> {
    const found = await this.nodes.discover()
    this.#looked = true
    this.#discoverTimer = undefined
    if (this.#link || this.#state === 'stopped') return
    if (found && this.#state === 'connecting') this.#dialler.start()
    else if (found) this.#step('retry')
    this.#watchForOthers()
  }

  /** Looks for a node with a quorum. */
  #move(): void {
    clearTimeout(this.#moveTimer)
    if (!this.#dialler.dialling) this.#dialler.start(this.#url)
  }

  /** No other node can do better. The next look is when one might. */
  #stayReadOnly(): void {
    if (!this.#noQuorum) return
    this.#step('quorumLost', this.#noQuorum)
    const waitMs = this.nodes.writableInMs(this.#url)
    clearTimeout(this.#moveTimer)
    if (Number.isFinite(waitMs)) this.#moveTimer = setTimeout(() => this.#move(), Math.ceil(waitMs) + 1)
  }

  #send(text: string): void {
    if (!this.#link) return
    try {
      this.#link.socket.send(text)
    } catch (cause) {
      this.#ended(new UnreachableError(`Writing to ${this.#url} failed: ${messageOf(cause)}`, { cause }))
    }
  }

  #unlink(): void {
    clearTimeout(this.#moveTimer)
    this.#dialler.stop()
    this.#heartbeat?.stop()
    this.#heartbeat = null
    this.#writer.clear()
    const link = this.#link
    this.#link = null
    if (link) hangUp(link.socket)
  }
}
