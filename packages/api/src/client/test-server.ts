/**
 * A double of a node for the SDK's tests, not a node: it keeps channels in memory, stores each client id once, and
 * misbehaves as a network and a busy node may: pages in any order, entries twice, late or left out, acknowledgements
 * late or lost with the connection, `busy`, `resync`, and connections that break at any moment. Several servers share
 * one log, as the nodes of a cluster do; each of them can be behind, without quorum, silent or away.
 */
import { createServer, type Server } from 'node:http'
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
  /** A message that is refused for lack of a quorum is stored all the same. */
  unsure?: number
}

export const wellBehaved: Misbehaviour = { seed: 1, cut: 0, duplicate: 0, omit: 0, delay: 0, busy: 0 }

/**
 * `full`: has no room for messages · `up` · `behind`: serves, and learns nothing new, also not of what it stored itself · `mute`: has no quorum and is behind
 * · `hung`: takes connections and frames and does nothing with them, until it is something else · `down`: is not there.
 */
export type Mode = 'up' | 'full' | 'behind' | 'mute' | 'hung' | 'down'

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

interface Value {
  id: string
  body: string
  from: string
}

/** What a cluster has committed, in one order; each client id once. */
export class TestLog {
  readonly commits: Entry[] = []
  readonly #byClientId = new Map<string, Entry>()
  readonly #heads = new Map<string, number>()
  readonly #listeners = new Set<() => void>()

  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  commit(channel: string, value: Value): { entry: Entry; duplicate: boolean } {
    const known = this.#byClientId.get(value.id)
    if (known) return { entry: known, duplicate: true }
    const seq = (this.#heads.get(channel) ?? 0) + 1
    this.#heads.set(channel, seq)
    const entry: Entry = { channel, seq, at: Date.now(), kind: 'text', ...value }
    this.#byClientId.set(value.id, entry)
    this.commits.push(entry)
    for (const listener of this.#listeners) listener()
    return { entry, duplicate: false }
  }

  /** Forgets the entries that `kept` does not want, as after a restore from a backup. */
  goBack(kept: (entry: Entry) => boolean): void {
    for (const entry of this.commits) if (!kept(entry)) this.#byClientId.delete(entry.id)
    const left = this.commits.filter(kept)
    this.commits.splice(0, this.commits.length, ...left)
    this.#heads.clear()
    for (const { channel, seq } of left) this.#heads.set(channel, seq)
  }
}

export class TestServer implements AsyncDisposable {
  readonly channels = new Map<string, Channel>()
  /** Every client id that ever came in, in order, repeated ones included. */
  readonly received: string[] = []
  readonly authFrames: Extract<ClientFrame, { t: 'auth' }>[] = []
  readonly marks: Extract<ClientFrame, { t: 'mark' }>[] = []
  readonly arrays: number[] = []
  connections = 0
  /** Told to clients as the members of the cluster. */
  nodes: string[] | undefined
  /** Answers `auth` instead of `ready` when set. */
  refusal: { code: 'session-ended' | 'busy'; closeCode: number } | null = null
  readonly #misbehaviour: Misbehaviour
  readonly #random: () => number
  readonly #server: Server
  readonly #acceptor = new WebSocketServer({ noServer: true, maxPayload: limits.frameBytes })
  readonly #log: TestLog
  readonly #unlisten: () => void
  /** Branches of the past with what they share with the one before. */
  readonly #branches: { id: string; heads: ReadonlyMap<string, number> }[] = [{ id: '0', heads: new Map() }]
  readonly #all = new Set<WebSocket>()
  /** Those that have authenticated. */
  readonly #sockets = new Set<WebSocket>()
  /** Entries of the log that this server has. */
  #applied = 0
  #mode: Mode = 'up'
  /** What came in, or was to be done, while it hung. */
  #stuck: (() => void)[] = []
  /** Acknowledgements of what is committed and not applied here yet. */
  #owed: { position: number; settle: () => void }[] = []

  private constructor(server: Server, misbehaviour: Misbehaviour, channels: number, log: TestLog) {
    this.#server = server
    this.#log = log
    this.#misbehaviour = misbehaviour
    this.#random = pseudoRandom(misbehaviour.seed)
    for (let i = 1; i <= channels; i++) {
      const id = channelIdOf(i)
      this.channels.set(id, { id, log: [], floor: 1, delivered: 0, read: 0 })
    }
    server.on('upgrade', (request, socket, head) => {
      if (this.#mode === 'down') socket.destroy()
      else this.#acceptor.handleUpgrade(request, socket, head, (accepted) => this.#accept(accepted))
    })
    this.#unlisten = log.onCommit(() => this.#apply())
    this.#apply()
  }

  static async start(misbehaviour: Misbehaviour, channels: number, log = new TestLog()): Promise<TestServer> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new TestServer(server, misbehaviour, channels, log)
  }

  get mode(): Mode {
    return this.#mode
  }

  set mode(mode: Mode) {
    const before = this.#mode
    this.#mode = mode
    if (mode === 'down') {
      for (const socket of this.#all) socket.terminate()
      this.#stuck = []
      this.#owed = []
    }
    if (mode === 'up' && before === 'full')
      this.broadcast({ t: 'notice', level: 'info', code: 'disk', message: 'The disk has room again.' })
    if (mode === 'mute' && before !== 'mute') this.broadcast(quorumNotice('alert'))
    if (mode !== 'mute' && mode !== 'hung' && before === 'mute') this.broadcast(quorumNotice('info'))
    if (mode === 'hung' || mode === 'down') return
    const stuck = this.#stuck
    this.#stuck = []
    for (const job of stuck) job()
    this.#apply()
  }

  get url(): string {
    const address = this.#server.address()
    if (typeof address === 'string' || address === null) throw new Error('The test server does not listen.')
    return `http://127.0.0.1:${address.port}`
  }

  /** An entry by somebody else. */
  post(channel: string, body: string): void {
    this.#log.commit(channel, { id: `other-${this.#log.commits.length}`, body, from: other })
  }

  /** Removes entries below `floor`, as retention does. */
  expire(channel: string, floor: number): void {
    this.channels.get(channel)!.floor = floor
  }

  /** Goes on from an earlier state: in each channel with the entries up to `heads`. The only server of its log. */
  restore(branch: string, heads: ReadonlyMap<string, number>): void {
    this.cutAll()
    this.#branches.push({ id: branch, heads })
    this.#log.goBack(({ channel, seq }) => seq <= (heads.get(channel) ?? 0))
    this.#applied = this.#log.commits.length
    for (const channel of this.channels.values()) {
      channel.log.splice(heads.get(channel.id) ?? 0)
      channel.delivered = Math.min(channel.delivered, channel.log.length)
      channel.read = Math.min(channel.read, channel.log.length)
    }
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
    this.#unlisten()
    for (const socket of this.#all) socket.terminate()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #chance(share: number): boolean {
    return share > 0 && this.#random() < share
  }

  #accept(socket: WebSocket): void {
    this.connections += 1
    this.#all.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#all.delete(socket)
      this.#sockets.delete(socket)
    })
    socket.on('message', (data) => this.#whenThere(() => this.#receive(socket, String(data))))
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
    // What a server took in before it hung is done in the end, whether the client is still there or not.
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
        unread: log.length - read,
        archived: false,
        mayPost: true,
        ...this.#shared(id, frame.branch),
      })),
      branch: this.#branches.at(-1)!.id,
      at: Date.now(),
      ...(this.nodes && { nodes: this.nodes }),
    })
    if (this.#mode === 'mute') this.#send(socket, quorumNotice('alert'))
  }

  #shared(channel: string, from: string | undefined): { shared?: number } {
    const place = this.#branches.findIndex(({ id }) => id === from)
    const forks = this.#branches.slice(place + 1)
    if (from === undefined || forks.length === 0) return {}
    return { shared: place < 0 ? 0 : Math.min(...forks.map(({ heads }) => heads.get(channel) ?? 0)) }
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
    if (this.#mode === 'full') {
      this.#send(socket, { t: 'error', code: 'disk-full', message: 'The disk is full.', id: frame.id })
      return
    }
    const isMute = this.#mode === 'mute'
    if (isMute)
      this.#send(socket, { t: 'error', code: 'no-quorum', message: 'There is no quorum.', id: frame.id })
    // Who says that there is no quorum cannot know what becomes of what it handed on before.
    if (isMute && !this.#chance(this.#misbehaviour.unsure ?? 0)) return
    const body = frame.t === 'delete' ? '' : frame.body
    const { entry, duplicate } = this.#log.commit(frame.channel, { id: frame.id, body, from: me })
    if (isMute) return
    const ack: ServerFrame = { t: 'ack', id: frame.id, channel: frame.channel, seq: entry.seq, at: entry.at }
    if (duplicate) ack.duplicate = true
    const position = this.#log.commits.indexOf(entry)
    if (position < this.#applied) this.#late(socket, ack)
    else this.#owed.push({ position, settle: () => this.#late(socket, ack) })
  }

  /** Takes over what is committed, as far as this server can. */
  #apply(): void {
    if (this.#mode !== 'up' && this.#mode !== 'full') return
    for (; this.#applied < this.#log.commits.length; this.#applied++) {
      const entry = this.#log.commits[this.#applied]!
      this.channels.get(entry.channel)!.log.push(entry)
      for (const socket of this.#sockets) {
        if (this.#chance(this.#misbehaviour.omit)) {
          this.#late(socket, { t: 'resync', reason: 'The test left an entry out.' })
          continue
        }
        this.#late(socket, { t: 'entry', ...entry })
        if (this.#chance(this.#misbehaviour.duplicate)) this.#late(socket, { t: 'entry', ...entry })
      }
    }
    const owed = this.#owed
    this.#owed = owed.filter(({ position }) => position >= this.#applied)
    for (const { position, settle } of owed) if (position < this.#applied) settle()
  }

  /** Does a job now, or once the server hangs no more; never when it went down meanwhile. */
  #whenThere(job: () => void): void {
    if (this.#mode === 'hung') this.#stuck.push(job)
    else if (this.#mode !== 'down') job()
  }

  #late(socket: WebSocket, frame: ServerFrame): void {
    if (this.#chance(this.#misbehaviour.delay))
      setTimeout(() => this.#send(socket, frame), this.#random() * maxDelayMs)
    else this.#send(socket, frame)
  }

  #send(socket: WebSocket, frame: ServerFrame): void {
    const text = JSON.stringify(frame)
    this.#whenThere(() => {
      if (socket.readyState === socket.OPEN) socket.send(text)
    })
  }
}

function quorumNotice(level: 'alert' | 'info'): ServerFrame {
  const message = level === 'alert' ? 'The cluster has lost its quorum.' : 'The cluster has its quorum again.'
  return { t: 'notice', level, code: 'quorum', message }
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
