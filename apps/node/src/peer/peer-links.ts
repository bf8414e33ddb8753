/**
 * Ephemeral messages between the members: each keeps a channel open to every other one and says things on its own;
 * what it hears comes on theirs. Nothing is stored or sent again: who needs a state tells it anew when `onStale` says so.
 */
import type { RawData, WebSocket } from 'ws'
import type { Clock } from '../platform/clock.ts'
import type { Logger } from '../platform/logger.ts'
import { peerBounds } from './bounds.ts'
import type { PeerFault } from './errors.ts'
import { OutgoingChannel } from './outgoing-channel.ts'
import type { PeerAddress } from './peer-client.ts'
import { type ChannelFrame, parseChannelFrame } from './peer-protocol.ts'
import type { PeerMaterial } from './peer-tls.ts'

export interface PeerLinksOptions {
  material: () => PeerMaterial
  generation: () => string
  /** A member answered that it belongs to another generation. */
  onForeignGeneration: (generation: string, nodeId: string) => void
  clock: Clock
  logger: Logger
  /** 0 to 1, for the jitter of reconnecting. */
  random?: () => number
}

export interface PeerLinkState {
  nodeId: string
  /** Whether this node's channel to the member is open and answers. */
  connected: boolean
  /** Whether the member's channel to this node is open. */
  heard: boolean
  /** Why it is not connected; null while it is, and before the first try has ended. */
  problem: PeerFault | null
  rttMs: number | null
  /** Its wall clock minus this node's; null before the first ping. */
  clockSkewMs: number | null
  /** Last sign of life on either channel, ms since 1970; null: never. */
  lastSeenAt: number | null
  /** Frames dropped because it did not take them in time. */
  dropped: number
}

export type PeerListener = (payload: unknown, fromNodeId: string) => void

interface Incoming {
  socket: WebSocket
  heardAt: number
  badFrames: number
}

export class PeerLinks {
  readonly #options: PeerLinksOptions
  readonly #outgoing = new Map<string, OutgoingChannel>()
  /** The newest channel that each member opened. */
  readonly #incoming = new Map<string, Incoming>()
  readonly #lastSeenAt = new Map<string, number>()
  readonly #listeners = new Map<string, PeerListener>()
  readonly #staleListeners = new Set<(nodeId: string) => void>()
  readonly #goneListeners = new Set<(nodeId: string) => void>()
  #ticker: NodeJS.Timeout | null = null
  #tickedAt = 0
  #stopped = false

  constructor(options: PeerLinksOptions) {
    this.#options = options
  }

  start(): void {
    this.#tickedAt = this.#options.clock.monotonic()
    this.#ticker = setInterval(() => this.#tick(), peerBounds.tickMs)
  }

  stop(): void {
    this.#stopped = true
    if (this.#ticker) clearInterval(this.#ticker)
    for (const channel of this.#outgoing.values()) channel.close()
    this.#outgoing.clear()
    for (const { socket } of this.#incoming.values()) socket.terminate()
    this.#incoming.clear()
  }

  /** The other members of today; opens channels to new ones and to new addresses, and closes those to others. */
  setPeers(members: readonly PeerAddress[]): void {
    if (this.#stopped) return
    const wanted = new Map(members.map((member) => [member.nodeId, member]))
    for (const [nodeId, channel] of this.#outgoing) {
      const member = wanted.get(nodeId)
      if (member?.address === channel.member.address && member.peerPort === channel.member.peerPort) continue
      channel.close()
      this.#outgoing.delete(nodeId)
    }
    for (const [nodeId, { socket }] of this.#incoming) {
      if (wanted.has(nodeId)) continue
      this.#incoming.delete(nodeId)
      this.#lastSeenAt.delete(nodeId)
      socket.terminate()
      this.#tellGone(nodeId)
    }
    for (const member of members) if (!this.#outgoing.has(member.nodeId)) this.#open(member)
  }

  /** Opens every channel of this node anew: after its certificates or its generation have changed. */
  reload(): void {
    for (const channel of [...this.#outgoing.values()]) {
      channel.close()
      this.#open(channel.member)
    }
  }

  /**
   * Says something to every member that is connected.
   * @throws RangeError when the frame would be over the bound
   */
  send(kind: string, payload: unknown): void {
    const text = frameText(kind, payload)
    for (const channel of this.#outgoing.values()) channel.send(text)
  }

  /** Says something to one member; nothing while it is not connected. @throws RangeError as `send` */
  sendTo(nodeId: string, kind: string, payload: unknown): void {
    this.#outgoing.get(nodeId)?.send(frameText(kind, payload))
  }

  /** Registers the one listener of a kind; it validates what it gets. */
  on(kind: string, listener: PeerListener): void {
    if (this.#listeners.has(kind)) throw new Error(`somebody listens for ${kind} already`)
    this.#listeners.set(kind, listener)
  }

  /** Tells that a member lacks this node's state: its channel has opened, or frames were dropped on it. */
  onStale(listener: (nodeId: string) => void): void {
    this.#staleListeners.add(listener)
  }

  /** Tells that nothing is heard of a member any more: its channel to this node has ended. */
  onGone(listener: (nodeId: string) => void): void {
    this.#goneListeners.add(listener)
  }

  /** Each member of `setPeers`. */
  state(): PeerLinkState[] {
    return [...this.#outgoing].map(([nodeId, channel]) => ({
      nodeId,
      connected: channel.connected,
      heard: this.#incoming.has(nodeId),
      problem: channel.problem,
      rttMs: channel.rttMs,
      clockSkewMs: channel.skew.skewMs,
      lastSeenAt: this.#lastSeenAt.get(nodeId) ?? null,
      dropped: channel.dropped,
    }))
  }

  /** Takes over the channel that a member opened to this node; an older one of the same member ends. */
  accept(socket: WebSocket, nodeId: string): void {
    const incoming: Incoming = { socket, heardAt: this.#options.clock.monotonic(), badFrames: 0 }
    const older = this.#incoming.get(nodeId)
    this.#incoming.set(nodeId, incoming)
    older?.socket.terminate()
    socket.on('error', ignore)
    socket.on('message', (data) => {
      if (this.#incoming.get(nodeId) === incoming) this.#heard(nodeId, incoming, data)
    })
    socket.once('close', () => {
      if (this.#incoming.get(nodeId) !== incoming) return
      this.#incoming.delete(nodeId)
      this.#tellGone(nodeId)
    })
    if (this.#stopped) socket.terminate()
    // Whoever comes can be reached: no need to wait for the next try.
    const own = this.#outgoing.get(nodeId)
    if (own?.problem === 'unreachable' || own?.problem === 'timeout') own.open()
  }

  #open(member: PeerAddress): void {
    const { material, generation, clock, random, onForeignGeneration } = this.#options
    const channel = new OutgoingChannel({
      member,
      material,
      generation,
      clock,
      random: random ?? Math.random,
      onStale: (nodeId) => {
        for (const listener of this.#staleListeners) listener(nodeId)
      },
      onForeignGeneration,
      onHeard: () => this.#lastSeenAt.set(member.nodeId, clock.now()),
    })
    this.#outgoing.set(member.nodeId, channel)
    channel.open()
  }

  #heard(nodeId: string, incoming: Incoming, data: RawData): void {
    const { clock, logger } = this.#options
    incoming.heardAt = clock.monotonic()
    this.#lastSeenAt.set(nodeId, clock.now())
    const received = clock.now()
    const frame = parseChannelFrame(data.toString())
    if (frame === null || frame.t === 'pong') {
      incoming.badFrames += 1
      if (incoming.badFrames === 1) logger.warn({ nodeId }, 'another node sent a frame that is none')
      if (incoming.badFrames > peerBounds.badFrames) incoming.socket.terminate()
    } else if (frame.t === 'ping') {
      const pong: ChannelFrame = { t: 'pong', id: frame.id, received, sent: clock.now() }
      incoming.socket.send(JSON.stringify(pong), ignore)
    } else {
      try {
        // A kind of a newer version has no listener here.
        this.#listeners.get(frame.kind)?.(frame.payload, nodeId)
      } catch (error) {
        logger.error({ err: error, nodeId, kind: frame.kind }, 'a message of another node could not be used')
      }
    }
  }

  #tick(): void {
    const now = this.#options.clock.monotonic()
    // After standing still itself this node first hears what waits in its sockets.
    const judgeSilence = now - this.#tickedAt < peerBounds.silenceMs / 2
    this.#tickedAt = now
    for (const channel of this.#outgoing.values()) channel.tick({ judgeSilence })
    if (!judgeSilence) return
    for (const { socket, heardAt } of this.#incoming.values())
      if (now - heardAt > peerBounds.silenceMs) socket.terminate()
  }

  #tellGone(nodeId: string): void {
    for (const listener of this.#goneListeners) listener(nodeId)
  }
}

function frameText(kind: string, payload: unknown): string {
  const text = JSON.stringify({ t: 'say', kind, payload } satisfies ChannelFrame)
  if (Buffer.byteLength(text) > peerBounds.frameBytes)
    throw new RangeError(`a message of kind ${kind} is over ${peerBounds.frameBytes} bytes: split it`)
  return text
}

function ignore(): void {}
