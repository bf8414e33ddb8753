/** The channel that this node keeps open to one other member, through every interruption. */
import type { ClientRequest, IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import type { Clock } from '../platform/clock.ts'
import { peerBounds } from './bounds.ts'
import { ClockSkew } from './clock-skew.ts'
import { faultOf, type PeerFault } from './errors.ts'
import { OutgoingQueue } from './outgoing-queue.ts'
import type { PeerAddress } from './peer-client.ts'
import {
  type ChannelFrame,
  generationHeader,
  parseChannelFrame,
  parseGeneration,
  peerPaths,
} from './peer-protocol.ts'
import { type PeerMaterial, peerConnection } from './peer-tls.ts'

export interface OutgoingChannelOptions {
  member: PeerAddress
  material: () => PeerMaterial
  generation: () => string
  clock: Clock
  /** 0 to 1, for the jitter of the back-off. */
  random: () => number
  /** The channel has opened, or frames were lost on it: the member lacks this node's state. */
  onStale: (nodeId: string) => void
  onForeignGeneration: (generation: string, nodeId: string) => void
  onHeard: () => void
}

export class OutgoingChannel {
  readonly member: PeerAddress
  readonly skew: ClockSkew
  problem: PeerFault | null = null
  rttMs: number | null = null
  readonly #options: OutgoingChannelOptions
  #socket: WebSocket | null = null
  #queue: OutgoingQueue | null = null
  #droppedBefore = 0
  #retry: NodeJS.Timeout | null = null
  #backOffMs: number = peerBounds.backOffMinMs
  #heardAt = 0
  #pingedAt = Number.NEGATIVE_INFINITY
  #pingId = 0
  /** Pings without an answer yet, by id: when they were sent. */
  readonly #pings = new Map<number, number>()
  #closed = false

  constructor(options: OutgoingChannelOptions) {
    this.#options = options
    this.member = options.member
    this.skew = new ClockSkew(options.clock)
  }

  get connected(): boolean {
    return this.#queue !== null
  }

  /** Frames that were dropped because the member did not take them. */
  get dropped(): number {
    return this.#droppedBefore + (this.#queue?.dropped ?? 0)
  }

  get waiting(): number {
    return this.#queue?.length ?? 0
  }

  /** Opens the channel, now if it waits for its next try. */
  open(): void {
    if (this.#closed || this.#socket !== null) return
    if (this.#retry) clearTimeout(this.#retry)
    this.#retry = null
    const { member, material, generation, clock } = this.#options
    const host = member.address.includes(':') ? `[${member.address}]` : member.address
    let socket: WebSocket
    try {
      socket = new WebSocket(`wss://${host}:${member.peerPort}${peerPaths.channel}`, {
        ...peerConnection(material(), member.nodeId),
        headers: { [generationHeader]: generation() },
        handshakeTimeout: peerBounds.connectMs,
        maxPayload: peerBounds.frameBytes,
        perMessageDeflate: false,
        followRedirects: false,
      })
    } catch (error) {
      // An address that is none; setPeers may bring a better one.
      this.#ended(faultOf(error as Error))
      return
    }
    this.#socket = socket
    socket.on('open', () => {
      this.#heardAt = clock.monotonic()
      this.#queue = new OutgoingQueue(socket, () => this.#options.onStale(member.nodeId))
      this.problem = null
      this.#ping()
      this.#options.onStale(member.nodeId)
    })
    socket.on('message', (data) => this.#heard(parseChannelFrame(data.toString())))
    socket.on('unexpected-response', (request, response) => this.#refused(request, response))
    socket.on('error', (error) => {
      this.problem ??= faultOf(error)
    })
    socket.once('close', () => {
      if (this.#socket === socket) this.#ended(this.problem ?? 'unreachable')
    })
  }

  /** Sends a frame's text; nothing while there is no connection. */
  send(text: string): void {
    this.#queue?.push(text)
  }

  /** Pings when it is time, and ends a channel on which nothing comes back. */
  tick(options: { judgeSilence: boolean }): void {
    if (this.#queue === null) return
    const now = this.#options.clock.monotonic()
    if (options.judgeSilence && now - this.#heardAt > peerBounds.silenceMs) {
      this.problem = 'timeout'
      this.#socket?.terminate()
      this.#ended('timeout')
    } else if (now - this.#pingedAt >= peerBounds.pingMs - peerBounds.tickMs / 2) this.#ping()
  }

  close(): void {
    this.#closed = true
    if (this.#retry) clearTimeout(this.#retry)
    const socket = this.#socket
    this.#forget()
    socket?.terminate()
  }

  #ping(): void {
    const { clock } = this.#options
    this.#pingedAt = clock.monotonic()
    this.#pingId += 1
    this.#pings.set(this.#pingId, this.#pingedAt)
    for (const id of this.#pings.keys())
      if (id <= this.#pingId - peerBounds.clockSamples) this.#pings.delete(id)
    const frame: ChannelFrame = { t: 'ping', id: this.#pingId }
    // Past the queue: a ping measures the line, not what waits for it.
    this.#socket?.send(JSON.stringify(frame), ignore)
  }

  #heard(frame: ChannelFrame | null): void {
    const heardAt = this.#options.clock.monotonic()
    this.#heardAt = heardAt
    this.#options.onHeard()
    if (frame?.t !== 'pong') return
    const sentAt = this.#pings.get(frame.id)
    if (sentAt === undefined) return
    this.#pings.delete(frame.id)
    this.rttMs = this.skew.add({ sentAt, heardAt, received: frame.received, sent: frame.sent })
    this.#backOffMs = peerBounds.backOffMinMs
  }

  /** The member answered the opening with something else than a channel. */
  #refused(request: ClientRequest, response: IncomingMessage): void {
    const { member, generation, onForeignGeneration } = this.#options
    const theirs = parseGeneration(response.headers[generationHeader])
    const foreign = response.statusCode === 409 && theirs !== generation()
    this.problem = foreign ? 'foreign-generation' : response.statusCode === 403 ? 'not-member' : 'protocol'
    request.destroy()
    const socket = this.#socket
    this.#ended(this.problem)
    socket?.terminate()
    if (foreign) onForeignGeneration(theirs, member.nodeId)
  }

  #forget(): void {
    this.#droppedBefore = this.dropped
    this.#socket = null
    this.#queue = null
    this.#pings.clear()
    this.rttMs = null
    this.#pingedAt = Number.NEGATIVE_INFINITY
  }

  #ended(problem: PeerFault): void {
    this.#forget()
    this.problem = problem
    if (this.#closed || this.#retry) return
    const waitMs = this.#backOffMs * (1 - this.#options.random() / 2)
    this.#backOffMs = Math.min(this.#backOffMs * 2, peerBounds.backOffMaxMs)
    this.#retry = setTimeout(() => {
      this.#retry = null
      this.open()
    }, waitMs)
  }
}

function ignore(): void {}
