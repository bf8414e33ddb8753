/**
 * The client of the messaging protocol (docs/reference/client-protocol.md); runs in browsers and in Node.
 *
 * What it promises the application: entries of a channel come in sequence order, each once, none left out; a `send`
 * resolves when the node has stored the message, and is repeated with the same id until then.
 */
import { HoldfastError } from '../contract/errors.ts'
import type { ChannelState, Entry, ServerFrame } from '../contract/frames.ts'
import { limits } from '../contract/limits.ts'
import { clientBounds } from './bounds.ts'
import { ChannelTable } from './channel-table.ts'
import type { ChangeOptions, ClientEvents, ClientOptions, SendOptions } from './client-options.ts'
import { Connection, type ReadyFrame, type StateChange } from './connection.ts'
import type { ConnectionState } from './connection-state.ts'
import { Emitter, type Handler } from './emitter.ts'
import { EntryFeed, type Gap } from './entry-feed.ts'
import { closedByProgram, entryStream } from './entry-stream.ts'
import { ConnectionStoppedError } from './errors.ts'
import { Marks } from './marks.ts'
import { createMessageIds } from './message-id.ts'
import { type Acknowledgement, Outbox, type Submission } from './outbox.ts'
import { OutboxPump } from './outbox-pump.ts'
import { faultOf } from './outgoing.ts'
import { Places } from './places.ts'
import { type HistoryFrame, type HistoryPage, type HistoryRange, Requests } from './requests.ts'
import { Waiters } from './waiters.ts'

export type { BranchChange } from './client-options.ts'
export type {
  Acknowledgement,
  ChangeOptions,
  ClientEvents,
  ClientOptions,
  ConnectionState,
  Gap,
  HistoryPage,
  SendOptions,
  StateChange,
  Submission,
}
export { ConnectionStoppedError }

/** Connects, and stays connected until `close` or until the node says that it is of no use. */
export function connect(options: ClientOptions): Client {
  const client = new Client(options)
  client.start()
  return client
}

export class Client {
  readonly #options: ClientOptions
  readonly #connection: Connection
  readonly #events = new Emitter<ClientEvents>()
  readonly #outbox: Outbox
  readonly #requests = new Requests()
  readonly #marks = new Marks()
  readonly #feed: EntryFeed
  readonly #nextId = createMessageIds()
  readonly #channels = new ChannelTable()
  readonly #places: Places
  readonly #pump: OutboxPump
  readonly #liveWaiters = new Waiters()
  #person: ReadyFrame['person'] | null = null
  #device: string | null = null
  #syncsUnanswered = 0
  #watching = false
  #presence: 'online' | 'away' = 'online'
  #marksTimer: ReturnType<typeof setTimeout> | undefined
  #stopped: ConnectionStoppedError | null = null

  constructor(options: ClientOptions) {
    this.#options = options
    this.#places = new Places(options)
    this.#outbox = new Outbox(
      options.outboxEntries === undefined ? {} : { maxEntries: options.outboxEntries },
    )
    this.#feed = new EntryFeed({
      nextRequestId: () => this.#requests.nextId(),
      request: (frame) => this.#connection.write(frame),
      deliver: (entry) => this.#deliver(entry),
      ready: () => this.#events.has('entry'),
      onGap: (gap) => this.#emit('gap', gap),
      onFailure: (error) => this.#emit('failure', error),
    })
    this.#connection = new Connection(options, {
      onState: (change) => this.#stateChanged(change),
      onReady: (frame) => this.#ready(frame),
      onFrames: (frames) => this.#receive(frames),
      onLost: () => this.#lost(),
      onStopped: (error) => this.#stop(error),
      isOwed: () =>
        this.#syncsUnanswered > 0 ||
        this.#outbox.inFlight > 0 ||
        this.#requests.size > 0 ||
        this.#feed.isOwed,
      isStalled: (ms) => this.#outbox.isStalled(ms),
      hasUnstored: () => this.#outbox.size > 0,
      branch: () => this.branch,
    })
    this.#pump = new OutboxPump({
      outbox: this.#outbox,
      isOpen: () => this.#authenticated,
      isWritable: () => this.#connection.writable,
      write: (frame) => this.#connection.write(frame),
    })
  }

  get state(): ConnectionState {
    return this.#connection.state
  }

  /** Whose connection this is; null before the first `ready`. */
  get person(): ReadyFrame['person'] | null {
    return this.#person
  }

  /** Id of the device the session is bound to. */
  get device(): string | null {
    return this.#device
  }

  /** The node it talks to, or talked to last. */
  get node(): { url: string; name: string | null; facility: string | null; version: string | null } {
    const { url, hello } = this.#connection
    return {
      url,
      name: hello?.nodeName ?? null,
      facility: hello?.facility ?? null,
      version: hello?.version ?? null,
    }
  }

  /** Addresses of the nodes that are known now, the best first. */
  get nodes(): string[] {
    return this.#connection.nodes.urls
  }

  /** The person's channels by id. */
  get channels(): ReadonlyMap<string, ChannelState> {
    return this.#channels.byId
  }

  /** Dials now; also cuts a back-off short, for example when the network is back. */
  start(): void {
    this.#connection.start()
  }

  /** Calls `handler` at every event; returns the function that ends this. */
  on<Name extends keyof ClientEvents>(name: Name, handler: Handler<ClientEvents[Name]>): () => void {
    const off = this.#events.on(name, handler)
    if (name === 'entry') this.#feed.pump()
    return off
  }

  /** Resolves when the connection is live, or up to date at a node that can store nothing now. @throws ConnectionStoppedError */
  live(): Promise<void> {
    if (this.#stopped) return Promise.reject(this.#stopped)
    if (this.#upToDate) return Promise.resolve()
    return this.#liveWaiters.wait()
  }

  /**
   * The entries as an endless loop: `for await (const entry of client.entries())`. The next entry is taken when the
   * loop comes back for it, so a slow loop makes the client fetch later, not hold more. Ends when the client is closed.
   * @throws ConnectionStoppedError when the node refused this client.
   */
  entries(): AsyncGenerator<Entry, void, void> {
    return entryStream({
      onEntry: (handler) => this.on('entry', handler),
      onState: (handler) => this.on('state', handler),
      stopped: () => this.#stopped,
    })
  }

  /**
   * Sends a text. Resolves when the node has stored it for good.
   * @throws HoldfastError with the node's code, `busy` when the outbox is full, `bad-request` for a text the protocol
   * cannot carry, ConnectionStoppedError when the connection ended before the acknowledgement.
   */
  send(channel: string, body: string, options: SendOptions = {}): Promise<Acknowledgement> {
    const { priority, reply } = options
    return this.#submit(
      {
        t: 'send',
        channel,
        id: options.id ?? this.#nextId(),
        body,
        ...(priority === undefined ? {} : { priority }),
        ...(reply === undefined ? {} : { reply }),
      },
      options.signal,
    )
  }

  /** Replaces the text of an own entry. */
  edit(channel: string, seq: number, body: string, options: ChangeOptions = {}): Promise<Acknowledgement> {
    return this.#submit({ t: 'edit', channel, id: options.id ?? this.#nextId(), seq, body }, options.signal)
  }

  /** Deletes an entry: its text goes, its place stays. */
  delete(channel: string, seq: number, options: ChangeOptions = {}): Promise<Acknowledgement> {
    return this.#submit({ t: 'delete', channel, id: options.id ?? this.#nextId(), seq }, options.signal)
  }

  /** Resolves when the outbox has room; await it between sends to send without end at the node's pace. */
  drained(): Promise<void> {
    return this.#outbox.drained()
  }

  /** Messages the node has not acknowledged, oldest first. */
  unacknowledged(): Submission[] {
    return this.#outbox.unacknowledged()
  }

  /** The newest sequence the application has handled, by channel: what to give as `since` next time. */
  positions(): Record<string, number> {
    return this.#feed.positions()
  }

  /** The branch on which `positions` are; null before the first `ready`. */
  get branch(): string | null {
    return this.#places.branch
  }

  /** Notes that the person has read up to `seq`. Sent soon, together with other marks. */
  markRead(channel: string, seq: number): void {
    this.#mark(channel, { read: seq })
  }

  /** Notes that entries up to `seq` have arrived here. Needed only with `markDelivered: false`. */
  markDelivered(channel: string, seq: number): void {
    this.#mark(channel, { delivered: seq })
  }

  /** A page of a channel's history: the newest below `before`, or the oldest above `after`. */
  history(channel: string, range: HistoryRange = {}): Promise<HistoryPage> {
    if (this.#stopped) return Promise.reject(this.#stopped)
    const frame: HistoryFrame & { id: number } = {
      t: 'history',
      id: this.#requests.nextId(),
      channel,
      ...range,
    }
    const answer = this.#requests.add(frame)
    if (this.#authenticated) this.#connection.write(frame)
    return answer
  }

  /** Begins or ends the `presence` events; the first one names everybody. */
  watchPresence(watching: boolean): void {
    this.#watching = watching
    if (this.#authenticated) this.#connection.write({ t: 'watch', presence: watching })
  }

  /** Says whether the person is at this device. */
  setPresence(state: 'online' | 'away'): void {
    this.#presence = state
    if (this.#authenticated) this.#connection.write({ t: 'presence', state })
  }

  /** Says that the person is writing in a channel. Not kept, not repeated. */
  typing(channel: string): void {
    if (this.#authenticated) this.#connection.write({ t: 'typing', channel })
  }

  /** Ends the connection. What is not acknowledged is refused to its sender with ConnectionStoppedError. */
  close(): void {
    if (this.#authenticated) this.#flushMarks()
    this.#connection.stop(closedByProgram())
  }

  get #authenticated(): boolean {
    return this.state === 'syncing' || this.#upToDate
  }

  get #upToDate(): boolean {
    return this.state === 'live' || this.state === 'read-only'
  }

  #submit(frame: Submission, signal?: AbortSignal): Promise<Acknowledgement> {
    if (this.#stopped) return Promise.reject(this.#stopped)
    const fault = faultOf(frame)
    if (fault !== null) return Promise.reject(new HoldfastError('bad-request', fault))
    let settled: Promise<Acknowledgement>
    try {
      settled = this.#outbox.add(frame, signal)
    } catch (error) {
      return Promise.reject(error)
    }
    this.#pump.flush()
    return settled
  }

  #ready(frame: ReadyFrame): void {
    this.#person = frame.person
    this.#device = frame.device
    this.#goTo(frame)
    const missing = this.#channels.reset(frame.channels)
    for (const channel of frame.channels) this.#follow(channel)
    for (const id of missing) {
      this.#feed.unfollow(id, { resume: true })
      this.#emit('channel', { t: 'channel', change: 'removed', channel: { id } })
    }
    this.#marks.reconcile(frame.channels)
    this.#sync()
    if (this.#watching) this.#connection.write({ t: 'watch', presence: true })
    if (this.#presence !== 'online') this.#connection.write({ t: 'presence', state: this.#presence })
    for (const request of this.#requests.frames()) this.#connection.write(request)
    this.#flushMarks()
    this.#pump.begin()
  }

  /** On another branch all places are taken back to what it shares with the one before. */
  #goTo(frame: ReadyFrame): void {
    const change = this.#places.take(frame)
    if (!change) return
    const { shared, undone, ...names } = change
    this.#channels.goBack()
    this.#marks.goBack(shared)
    this.#outbox.goBack(shared)
    this.#emit('branch', { ...names, undone: this.#feed.goBack(shared, undone) })
  }

  #follow(channel: ChannelState): void {
    if (this.#options.follow?.(channel) === false) return
    this.#feed.follow(channel, this.#places.start(channel))
  }

  /** Asks for what was missed, in as few frames as the protocol allows; each is answered with a `synced`. */
  #sync(): void {
    const since = Object.entries(this.#feed.syncPositions())
    this.#syncsUnanswered = 0
    for (let i = 0; i === 0 || i < since.length; i += limits.syncChannels) {
      this.#connection.write({
        t: 'sync',
        since: Object.fromEntries(since.slice(i, i + limits.syncChannels)),
      })
      this.#syncsUnanswered += 1
    }
  }

  #receive(frames: ServerFrame[]): void {
    for (const frame of frames) this.#handle(frame)
    this.#feed.pump()
    this.#pump.flush()
  }

  #handle(frame: ServerFrame): void {
    switch (frame.t) {
      case 'entry': {
        this.#channels.grow(frame, this.#person?.id)
        const { t: _, ...entry } = frame
        this.#feed.entry(entry)
        return
      }
      case 'ack':
        this.#outbox.acknowledge(frame)
        // Whoever stores has a quorum.
        this.#connection.quorumBack()
        return
      case 'page':
        if (!this.#requests.answer(frame)) this.#feed.page(frame)
        return
      case 'synced':
        this.#syncsUnanswered = Math.max(0, this.#syncsUnanswered - 1)
        if (this.#syncsUnanswered > 0) return
        this.#feed.synced()
        this.#connection.synced()
        return
      case 'resync':
        this.#sync()
        return
      case 'channel':
        if (frame.change === 'removed') this.#removed(frame.channel.id)
        else {
          this.#channels.set(frame.channel)
          if (frame.change === 'added') this.#follow(frame.channel)
          this.#emit('channel', frame)
        }
        return
      case 'presence':
        this.#emit('presence', frame.people)
        return
      case 'notice':
        if (frame.level === 'info' && (frame.code === 'quorum' || frame.code === 'disk')) {
          this.#connection.quorumBack()
          this.#pump.begin()
        } else if (frame.code === 'quorum')
          this.#connection.quorumLost(new HoldfastError('no-quorum', frame.message))
        this.#emit('notice', frame)
        return
      case 'marks':
      case 'typing':
        this.#emit(frame.t, frame)
        return
      case 'error':
        this.#refused(frame)
        return
      case 'hello':
      case 'ready':
      case 'pong':
        // The connection has handled these.
        return
    }
  }

  #refused(frame: Extract<ServerFrame, { t: 'error' }>): void {
    if (typeof frame.id === 'string') {
      const isBehind =
        frame.code === 'not-member' && this.#channels.isBehind(this.#outbox.channelOf(frame.id))
      const isElsewhere = this.#connection.mayBeStoredElsewhere(frame.code)
      const outcome = this.#outbox.refuse(frame.id, frame, isBehind || isElsewhere)
      // This may bring in another node, which is given everything again.
      if (isElsewhere) this.#connection.quorumLost(new HoldfastError(frame.code, frame.message))
      if (outcome.kept) this.#pump.refused(outcome.refusals)
      return
    }
    if (
      frame.id !== undefined &&
      (this.#requests.refuse(frame.id, frame) || this.#feed.refused(frame.id, frame))
    )
      return
    const error = new HoldfastError(frame.code, frame.message)
    // While it syncs, an error that names no request is the answer to the sync: without one there is no going on.
    if (this.state === 'syncing') this.#connection.fail(error)
    else this.#emit('failure', error)
  }

  #deliver(entry: Entry): Promise<void> | undefined {
    const pending = this.#events.emit('entry', entry, (error) =>
      this.#emit('failure', error instanceof Error ? error : new Error(String(error))),
    )
    if (this.#options.markDelivered === false) return pending
    const { branch } = this
    const mark = (): void => {
      if (branch === this.branch) this.#mark(entry.channel, { delivered: entry.seq })
    }
    if (pending) return pending.then(mark)
    mark()
    return undefined
  }

  #mark(channel: string, marks: { delivered?: number; read?: number }): void {
    if (!this.#marks.note(channel, marks) || this.#marksTimer !== undefined) return
    this.#marksTimer = setTimeout(() => {
      this.#marksTimer = undefined
      this.#flushMarks()
    }, clientBounds.marksMs)
  }

  #flushMarks(): void {
    if (this.#authenticated) for (const frame of this.#marks.flush()) this.#connection.write(frame)
  }

  #removed(id: string): void {
    this.#channels.remove(id)
    this.#feed.unfollow(id)
    this.#marks.forget(id)
    this.#emit('channel', { t: 'channel', change: 'removed', channel: { id } })
  }

  #lost(): void {
    this.#syncsUnanswered = 0
    this.#outbox.connectionLost()
    this.#feed.connectionLost()
  }

  #stateChanged(change: StateChange): void {
    if (change.state === 'live' || change.state === 'read-only') this.#liveWaiters.resolve()
    this.#emit('state', change)
  }

  #stop(error: ConnectionStoppedError): void {
    this.#stopped = error
    clearTimeout(this.#marksTimer)
    this.#pump.stop()
    this.#liveWaiters.reject(error)
    this.#feed.stop()
    this.#requests.fail(error)
    this.#outbox.fail(
      (id) =>
        new ConnectionStoppedError(
          error.code,
          `Message ${id} was not acknowledged. ${error.message} Send it again with the same id to be sure.`,
          { cause: error },
        ),
    )
  }

  #emit<Name extends keyof ClientEvents>(name: Name, value: ClientEvents[Name]): void {
    this.#events.emit(name, value, (error) => {
      // A handler of failures that fails has nobody left to tell.
      if (name !== 'failure') this.#emit('failure', error instanceof Error ? error : new Error(String(error)))
    })
  }
}
