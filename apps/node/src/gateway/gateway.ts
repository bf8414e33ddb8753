/**
 * The server side of the client protocol (docs/reference/client-protocol.md):
 * 1 hello with a nonce · 2 auth, checked against session and device · 3 ready with the person's channels · 4 sync, pages of
 * what was missed · 5 send, edit, delete → one command each → ack · 6 entries as they are committed.
 */

import { HoldfastError } from '@holdfast/api/contract/errors'
import { closeCodes, protocolVersion, type ServerFrame } from '@holdfast/api/contract/frames'
import { limits } from '@holdfast/api/contract/limits'
import type { RawData, WebSocket } from 'ws'
import type { Commit } from '../log/log.ts'
import type { Clock } from '../platform/clock.ts'
import type { Logger } from '../platform/logger.ts'
import { randomToken } from '../platform/random.ts'
import type { SessionGuard } from '../services/auth/session-guard.ts'
import type { Metrics } from '../services/overview/metrics.ts'
import type { Presence } from '../services/presence/presence.ts'
import type { Directory } from '../state/directory.ts'
import type { MarkRow } from '../state/effects.ts'
import type { ChannelStates } from './channel-states.ts'
import { Connection, type SocketMeta } from './connection.ts'
import { FanOut } from './fan-out.ts'
import { type FrameHandlers, parseFrames, takesPart } from './frames.ts'

/** How often timeouts, silent and lagging connections are looked at. */
const sweepMs = 1000
/** Bad frames after which a connection is closed. */
const maxFaults = 20

export interface GatewayOptions {
  node: { id: string; name: string; version: string }
  directory: Directory
  sessions: SessionGuard
  presence: Presence
  channelStates: ChannelStates
  metrics: Metrics
  clock: Clock
  logger: Logger
  /** Addresses of all members of the cluster, `https://host:port`; empty where there is none. */
  nodes?: () => string[]
}

export class Gateway {
  readonly fanOut: FanOut
  readonly connections = new Set<Connection>()
  private readonly options: GatewayOptions
  private readonly bySocket = new WeakMap<WebSocket, Connection>()
  private readonly dirty = new Set<Connection>()
  private handlers: FrameHandlers | null = null
  private flushTimer: NodeJS.Immediate | null = null
  private sweeper: NodeJS.Timeout | null = null
  /** What whoever connects has to know too: the quorum is lost. */
  private standing: Extract<ServerFrame, { t: 'notice' }> | null = null

  constructor(options: GatewayOptions) {
    this.options = options
    this.fanOut = new FanOut(options.directory)
  }

  start(handlers: FrameHandlers): void {
    this.handlers = handlers
    this.sweeper = setInterval(() => this.sweep(), sweepMs)
    this.options.presence.onChange((people) => this.presenceChanged(people))
  }

  stop(): void {
    if (this.sweeper) clearInterval(this.sweeper)
    for (const connection of this.connections)
      this.close(connection, closeCodes.shuttingDown, 'the node shuts down')
  }

  /** Sends everybody away, to another node or to this one a little later. */
  drain(reason: string): void {
    for (const connection of this.connections) this.close(connection, closeCodes.shuttingDown, reason)
  }

  /** Takes over an upgraded WebSocket. */
  accept(socket: WebSocket, meta: SocketMeta): void {
    const { clock, node, directory } = this.options
    if (this.connections.size >= limits.connections) {
      socket.close(closeCodes.tooMany, 'this node has all the connections it can serve')
      return
    }
    const connection = new Connection(socket, meta, { now: clock.monotonic(), nonce: randomToken(18) })
    this.connections.add(connection)
    this.bySocket.set(socket, connection)
    const gateway = this
    socket.on('message', function (this: WebSocket, data, isBinary) {
      gateway.receive(this, data, isBinary)
    })
    socket.on('close', function (this: WebSocket) {
      gateway.forget(this)
    })
    // ws reports frames against RFC 6455 and over-long ones here and closes by itself.
    socket.on('error', ignore)
    socket.on('pong', function (this: WebSocket) {
      gateway.heard(this)
    })
    const facility = directory.setting('facility', '')
    connection.send({
      t: 'hello',
      protocol: protocolVersion,
      node: node.id,
      nodeName: node.name,
      facility,
      nonce: connection.nonce,
      version: node.version,
      at: clock.now(),
    })
  }

  /** Marks a connection as having something to send at the end of this turn. */
  due(connection: Connection): void {
    this.dirty.add(connection)
    this.flushTimer ??= setImmediate(() => this.flush())
  }

  /** Called after memory follows a commit's effects; entries and acknowledgements leave together. */
  committed(commit: Commit): void {
    for (const effect of commit.effects) {
      if (effect.e === 'entries') this.fanOut.entries(effect)
      else if (effect.e === 'marks') for (const mark of effect.marks) this.marked(mark)
    }
    this.flush()
  }

  /** Channel rows or membership changed: those who came and went are told, and those who stay. */
  channelChanged(channelId: string, channelNo: number): void {
    const { joined, left } = this.fanOut.membershipChanged(channelNo)
    const goneText = JSON.stringify({
      t: 'channel',
      change: 'removed',
      channel: { id: channelId },
    } satisfies ServerFrame)
    for (const connection of left) connection.sendText(goneText)
    const came = new Set(joined)
    for (const connection of this.fanOut.ofChannel(channelNo)) {
      const state = this.options.channelStates.one(channelId, connection.personNo)
      if (state)
        connection.send({ t: 'channel', change: came.has(connection) ? 'added' : 'updated', channel: state })
    }
  }

  /** Closes every connection whose session or device is no longer good; at once, for revocation must bite within a second. */
  revalidate(): void {
    for (const connection of this.connections) {
      if (connection.personNo === 0) continue
      const reason = this.options.sessions.whyEnded(connection.sessionId, connection.deviceId)
      if (reason === null) {
        const role = this.options.directory.peopleByNo.get(connection.personNo)?.role
        // The client comes back at once and finds what it may see now.
        if (role !== undefined && takesPart(role) !== connection.talks)
          this.close(connection, closeCodes.shuttingDown, 'your role has changed')
        continue
      }
      connection.send({ t: 'error', code: reason.code, message: reason.message, fatal: true })
      this.close(connection, closeCodes.revoked, reason.message)
    }
  }

  /** Addresses that a client can go on at. */
  get nodes(): string[] {
    return this.options.nodes?.() ?? []
  }

  /** A notice for everybody, such as a full disk. One of a lost quorum is told to later comers until it is back. */
  broadcast(frame: ServerFrame): void {
    if (frame.t === 'notice' && frame.code === 'quorum') this.standing = frame.level === 'info' ? null : frame
    const bytes = Buffer.from(JSON.stringify(frame))
    for (const connection of this.connections) if (connection.personNo !== 0) connection.sendShared(bytes)
  }

  /** After a successful auth frame. */
  ready(connection: Connection, frame: Extract<ServerFrame, { t: 'ready' }>): void {
    this.fanOut.add(connection)
    this.options.presence.connected(connection)
    connection.send(frame)
    if (this.standing) connection.send(this.standing)
  }

  fail(connection: Connection, error: HoldfastError, id?: number | string): void {
    const frame: ServerFrame =
      id === undefined
        ? { t: 'error', code: error.code, message: error.message }
        : { t: 'error', code: error.code, message: error.message, id }
    if (connection.push(JSON.stringify(frame))) this.due(connection)
  }

  close(connection: Connection, code: number, reason: string): void {
    if (connection.closed) return
    connection.flush()
    // A close reason holds at most 123 bytes (RFC 6455 section 5.5).
    connection.socket.close(code, reason.slice(0, 40))
    this.drop(connection)
  }

  private receive(socket: WebSocket, data: RawData, isBinary: boolean): void {
    const connection = this.bySocket.get(socket)
    if (connection === undefined || connection.closed || this.handlers === null) return
    connection.lastHeardAt = this.options.clock.monotonic()
    connection.pinged = false
    const frames = parseFrames(data, isBinary)
    if (frames instanceof HoldfastError) {
      this.fail(connection, frames)
      this.close(connection, closeCodes.badFrame, frames.message)
      return
    }
    connection.holdWhileFull()
    for (const frame of frames) {
      const fault = this.handlers.handle(connection, frame)
      if (connection.closed) return
      if (fault === null) continue
      this.fail(connection, fault.error, fault.id)
      if (!fault.counts) continue
      connection.faults += 1
      if (connection.faults > maxFaults) {
        this.close(connection, closeCodes.badFrame, 'too many bad frames')
        return
      }
    }
  }

  private heard(socket: WebSocket): void {
    const connection = this.bySocket.get(socket)
    if (connection === undefined) return
    connection.lastHeardAt = this.options.clock.monotonic()
    connection.pinged = false
  }

  private forget(socket: WebSocket): void {
    const connection = this.bySocket.get(socket)
    if (connection !== undefined) this.drop(connection)
  }

  private drop(connection: Connection): void {
    if (connection.closed) return
    connection.closed = true
    this.connections.delete(connection)
    this.dirty.delete(connection)
    if (connection.personNo === 0) return
    this.fanOut.remove(connection)
    this.options.presence.disconnected(connection)
  }

  private flush(): void {
    if (this.flushTimer) clearImmediate(this.flushTimer)
    this.flushTimer = null
    for (const connection of this.dirty) {
      this.fanOut.cork(connection)
      connection.flush()
    }
    this.dirty.clear()
    this.fanOut.uncork()
  }

  private marked([channelNo, personNo, delivered, read]: MarkRow): void {
    const channel = this.options.directory.channelsByNo.get(channelNo)
    const person = this.options.directory.peopleByNo.get(personNo)
    if (!channel || !person) return
    this.fanOut.toChannel(
      channelNo,
      JSON.stringify({
        t: 'marks',
        channel: channel.id,
        person: person.id,
        delivered,
        read,
      } satisfies ServerFrame),
    )
  }

  private presenceChanged(people: Extract<ServerFrame, { t: 'presence' }>['people']): void {
    const bytes = Buffer.from(JSON.stringify({ t: 'presence', people } satisfies ServerFrame))
    for (const connection of this.connections) if (connection.watchesPresence) connection.sendShared(bytes)
  }

  /** Closes who did not authenticate or fell silent, and lets lagging connections back in once they drained. */
  private sweep(): void {
    const now = this.options.clock.monotonic()
    for (const connection of this.connections) {
      if (connection.personNo === 0 && now - connection.openedAt > limits.authTimeoutMs) {
        this.close(connection, closeCodes.authTimeout, 'no auth frame in time')
      } else if (now - connection.lastHeardAt > limits.silenceMs * 2) {
        connection.socket.terminate()
        this.drop(connection)
      } else if (now - connection.lastHeardAt > limits.silenceMs && !connection.pinged) {
        connection.pinged = true
        connection.socket.ping()
      }
      if (connection.lagging && connection.socket.bufferedAmount < limits.connectionQueueBytes / 4) {
        connection.lagging = false
        connection.send({
          t: 'resync',
          reason: 'This connection was too slow for what came; ask again for what is missing.',
        })
      }
      if (connection.faults > 0 && now % 60_000 < sweepMs) connection.faults -= 1
    }
  }
}

function ignore(): void {}
