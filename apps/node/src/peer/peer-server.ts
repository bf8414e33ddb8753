/**
 * The side of the peer link that is asked: HTTPS with certificates on both sides. Each request is judged in this order:
 * 1 TLS: a certificate of the interconnect authority · 2 its common name is a node's id · 3 the same generation of the
 * cluster, else 409 · 4 a member today, else 403 · 5 not more at once than bounded, else 429 · 6 the route.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { errorStatus, HoldfastError } from '@holdfast/api/contract/errors'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Logger } from '../platform/logger.ts'
import { peerBounds } from './bounds.ts'
import { PeerListenError } from './errors.ts'
import {
  callSchema,
  generationHeader,
  notMemberHeader,
  parseGeneration,
  parseRevision,
  peerPaths,
  refusalBody,
  wantedRevisionHeader,
} from './peer-protocol.ts'
import { nodeIdOf, type PeerMaterial, peerContext } from './peer-tls.ts'
import { type SnapshotSource, sendSnapshot } from './snapshot-sender.ts'

export interface PeerCaller {
  nodeId: string
  name: string
}

/** An operation that another member may call. A HoldfastError reaches the caller with its code and message. */
export type PeerCall = (payload: unknown, from: PeerCaller) => Promise<unknown>

export interface PeerServerOptions {
  /** Address to listen on; `::` is every address. */
  host: string
  /** 0 takes any free port. */
  port: number
  material: () => PeerMaterial
  /** This node's generation of the cluster; asked anew each time. */
  generation: () => string
  /** A member of today, or null. Asked for every request, and once a second for what is under way. */
  memberOf: (nodeId: string) => { name: string } | null
  /** Answers `status` as JSON. */
  status: () => unknown
  calls: Readonly<Record<string, PeerCall>>
  snapshots: SnapshotSource
  /** Takes over the channel that a member opened. */
  acceptChannel: (socket: WebSocket, from: PeerCaller) => void
  /** A member came with another generation. */
  onForeignGeneration: (generation: string, nodeId: string) => void
  logger: Logger
  /** How often what is under way is judged again. */
  recheckMs?: number
  /** A reader of a snapshot that takes nothing for so long is cut. */
  snapshotStallMs?: number
}

/** What was refused since the start. */
export interface PeerRefusals {
  /** No certificate of the interconnect authority. */
  handshakes: number
  notMembers: number
  generations: number
  busy: number
}

interface Judged {
  caller: PeerCaller
}
interface Refused {
  status: number
  error: HoldfastError
  headers: Record<string, string>
}

const defaultRecheckMs = 1000
const everyIpv4 = '0.0.0.0'
/** A body over the bound is read to its end if it is not over this multiple. */
const discardFactor = 8
/** Closing of a WebSocket by an endpoint that goes away (RFC 6455, section 7.4.1). */
const goingAway = 1001

export class PeerServer implements AsyncDisposable {
  readonly refused: PeerRefusals = { handshakes: 0, notMembers: 0, generations: 0, busy: 0 }
  readonly #options: PeerServerOptions
  /** By node id: how to cut each request and channel that is under way. */
  readonly #held = new Map<string, Set<() => void>>()
  readonly #channels = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: peerBounds.frameBytes,
  })
  readonly #sockets = new Set<Duplex>()
  readonly #loggedAt = new Map<string, number>()
  #server: Server | null = null
  #recheck: NodeJS.Timeout | null = null
  #stopping = false
  #generation = ''

  constructor(options: PeerServerOptions) {
    this.#options = options
  }

  /**
   * Listens.
   * @throws PeerListenError
   */
  async start(): Promise<{ port: number }> {
    const { host, port, material, recheckMs } = this.#options
    const server = createServer({
      ...peerContext(material()),
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: peerBounds.handshakeMs,
      headersTimeout: peerBounds.handshakeMs,
      requestTimeout: peerBounds.requestMs,
      keepAliveTimeout: peerBounds.serverKeepAliveMs,
      connectionsCheckingInterval: peerBounds.tickMs,
      maxHeaderSize: peerBounds.headerBytes,
    })
    server.maxHeadersCount = peerBounds.headersCount
    server.maxConnections = peerBounds.connections
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.on('tlsClientError', (error, socket) => this.#handshakeFailed(error, socket))
    server.on('request', (request, response) => void this.#handle(request, response))
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
    await listen(server, host, port)
    server.on('error', (error) => this.#options.logger.error({ err: error }, 'the link between nodes failed'))
    this.#server = server
    this.#generation = this.#options.generation()
    this.#recheck = setInterval(() => this.recheck(), recheckMs ?? defaultRecheckMs)
    return { port: (server.address() as AddressInfo).port }
  }

  /** Takes renewed certificates for connections from now on. Throws when they cannot be used; the old ones stay. */
  reload(): void {
    this.#server?.setSecureContext(peerContext(this.#options.material()))
  }

  /**
   * Cuts what is under way for nodes that are members no longer, and everything when this node's generation has
   * changed. It also happens at an interval.
   */
  recheck(): void {
    const generation = this.#options.generation()
    const sameGeneration = generation === this.#generation
    this.#generation = generation
    for (const [nodeId, held] of this.#held) {
      if (sameGeneration && this.#options.memberOf(nodeId) !== null) continue
      for (const cut of [...held]) cut()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true
    if (this.#recheck) clearInterval(this.#recheck)
    const server = this.#server
    this.#server = null
    if (server === null) return
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of this.#channels.clients) socket.close(goingAway, 'the node is stopping')
    for (let waited = 0; this.#sockets.size > 0 && waited < peerBounds.shutdownMs; waited += 20) {
      server.closeIdleConnections()
      await sleep(20)
    }
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #judge(request: IncomingMessage): Judged | Refused {
    const { generation, memberOf, onForeignGeneration } = this.#options
    if (this.#stopping) return refusal(503, 'shutting-down', 'This node is shutting down.')
    const nodeId = nodeIdOf(request.socket as TLSSocket)
    if (nodeId === null) return refusal(403, 'forbidden', 'The certificate names no node.')
    const member = memberOf(nodeId)
    const theirs = parseGeneration(request.headers[generationHeader])
    if (theirs !== generation()) {
      this.refused.generations += 1
      this.#log(nodeId, `it belongs to generation ${theirs || '(none)'} of the cluster`)
      // Who is no member tells nothing that this node should act on.
      if (member !== null && theirs !== '') onForeignGeneration(theirs, nodeId)
      return refusal(409, 'conflict', 'This node belongs to another generation of the cluster.')
    }
    if (member === null) {
      this.refused.notMembers += 1
      this.#log(nodeId, 'it is no member of the cluster')
      const message = `Node ${nodeId} is no member of this cluster.`
      return refusal(403, 'forbidden', message, { [notMemberHeader]: '1' })
    }
    if ((this.#held.get(nodeId)?.size ?? 0) >= peerBounds.requestsPerMember) {
      this.refused.busy += 1
      const most = peerBounds.requestsPerMember
      return refusal(429, 'busy', `A member may have ${most} requests under way at once.`)
    }
    return { caller: { nodeId, name: member.name } }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader(generationHeader, this.#options.generation())
    const judged = this.#judge(request)
    if ('error' in judged) {
      refuse(response, judged.error, judged)
      return
    }
    const { caller } = judged
    const release = this.#hold(caller.nodeId, () => response.destroy())
    // A caller that goes away in the middle of its own request is no fault of this node.
    response.on('error', ignore)
    try {
      await this.#route(request, response, caller)
    } catch (error) {
      if (response.headersSent) response.destroy()
      else refuse(response, this.#asRefusal(error, request.url ?? ''))
    } finally {
      release()
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, caller: PeerCaller): Promise<void> {
    const { status, snapshots, generation, snapshotStallMs } = this.#options
    const route = `${request.method} ${request.url}`
    if (route === `GET ${peerPaths.status}`) answer(response, await status())
    else if (route === `GET ${peerPaths.snapshot}`)
      await sendSnapshot(snapshots, response, {
        generation: generation(),
        minRevision: parseRevision(request.headers[wantedRevisionHeader]),
        stallMs: snapshotStallMs ?? peerBounds.snapshotStallMs,
      })
    else if (route === `POST ${peerPaths.call}`) answer(response, await this.#call(request, caller))
    else refuse(response, new HoldfastError('not-found', 'There is nothing here.'))
  }

  async #call(request: IncomingMessage, caller: PeerCaller): Promise<unknown> {
    const parsed = callSchema.safeParse(parseJson(await readBody(request)))
    if (!parsed.success) throw new HoldfastError('bad-request', 'A call is {"op", "payload"} as JSON.')
    const { op, payload } = parsed.data
    const { calls } = this.#options
    const call = Object.hasOwn(calls, op) ? calls[op] : undefined
    if (call === undefined)
      throw new HoldfastError('not-found', `This node's version knows no operation '${op}'.`)
    return withinTime(call(payload, caller), op)
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', ignore)
    let judged = this.#judge(request)
    if (!('error' in judged) && request.url !== peerPaths.channel)
      judged = refusal(404, 'not-found', 'There is no channel here.')
    if ('error' in judged) {
      refuseRaw(socket, judged, this.#options.generation())
      return
    }
    const { caller } = judged
    this.#channels.handleUpgrade(request, socket, head, (channel) => {
      channel.on('error', ignore)
      const release = this.#hold(caller.nodeId, () => channel.terminate())
      channel.once('close', release)
      this.#options.acceptChannel(channel, caller)
    })
  }

  /** Remembers how to cut something of a member until it is released. */
  #hold(nodeId: string, cut: () => void): () => void {
    const held = this.#held.get(nodeId) ?? new Set()
    this.#held.set(nodeId, held)
    held.add(cut)
    return () => {
      held.delete(cut)
      if (held.size === 0 && this.#held.get(nodeId) === held) this.#held.delete(nodeId)
    }
  }

  #asRefusal(error: unknown, url: string): HoldfastError {
    if (error instanceof HoldfastError) return error
    this.#options.logger.error({ err: error, url }, 'a request of another node failed')
    return new HoldfastError('internal', 'The other node could not do this; its log says why.')
  }

  #handshakeFailed(error: Error, socket: TLSSocket): void {
    // Node closes a connection whose certificate it refuses without an error of its own.
    const distrusted = socket.authorizationError as string | Error | null | undefined
    const { code } = error as NodeJS.ErrnoException
    // A line that was cut or a probe for the open port says nothing about certificates.
    if (!distrusted && (code === 'ECONNRESET' || code === 'ERR_TLS_HANDSHAKE_TIMEOUT')) return
    this.refused.handshakes += 1
    const who = socket.remoteAddress ?? 'unknown address'
    this.#log(who, distrusted ? `its certificate is not accepted (${distrusted})` : error.message)
  }

  /** Says why something was refused, at most once a minute for each who asks. */
  #log(who: string, why: string): void {
    const now = performance.now()
    if (now - (this.#loggedAt.get(who) ?? Number.NEGATIVE_INFINITY) < peerBounds.refusalLogMs) return
    if (this.#loggedAt.size >= peerBounds.connections) this.#loggedAt.clear()
    this.#loggedAt.set(who, now)
    this.#options.logger.warn({ who }, `the link between nodes refused a connection: ${why}`)
  }
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  const attempt = (address: string) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: address, port }, () => {
        server.removeListener('error', reject)
        resolve()
      })
    })
  try {
    await attempt(host)
  } catch (error) {
    const failure = error as NodeJS.ErrnoException
    const noIpv6 = host === '::' && (failure.code === 'EAFNOSUPPORT' || failure.code === 'EADDRNOTAVAIL')
    if (!noIpv6) throw new PeerListenError(failure, host, port)
    await attempt(everyIpv4).catch((second) => {
      throw new PeerListenError(second, everyIpv4, port)
    })
  }
}

async function withinTime(work: Promise<unknown>, op: string): Promise<unknown> {
  const late = new AbortController()
  const limit = sleep(peerBounds.operationMs, null, { signal: late.signal }).then(() => {
    throw new HoldfastError('busy', `The operation '${op}' did not end in time; it may still come to pass.`)
  })
  // Once the work has ended the wait is called off, which is no failure of anything.
  limit.catch(ignore)
  try {
    return await Promise.race([work, limit])
  } finally {
    late.abort()
  }
}

/**
 * The body as text. One that is too large is read on for a while and thrown away, so that its sender gets to read why.
 * @throws HoldfastError `too-large`
 */
function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  return new Promise((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= peerBounds.bodyBytes) chunks.push(chunk)
      else chunks.length = 0
      if (bytes > peerBounds.bodyBytes * discardFactor) request.destroy()
    })
    request.on('end', () => {
      if (bytes <= peerBounds.bodyBytes) resolve(Buffer.concat(chunks).toString('utf8'))
      else reject(new HoldfastError('too-large', `A call has at most ${peerBounds.bodyBytes} bytes.`))
    })
    request.on('error', reject)
    request.on('close', () => reject(new HoldfastError('bad-request', 'The call ended in the middle.')))
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function answer(response: ServerResponse, value: unknown): void {
  const body = Buffer.from(JSON.stringify({ value: value ?? null }))
  if (body.length > peerBounds.bodyBytes)
    throw new HoldfastError('too-large', `An answer has at most ${peerBounds.bodyBytes} bytes.`)
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length })
  response.end(body)
}

function refusal(
  status: number,
  code: HoldfastError['code'],
  message: string,
  headers: Record<string, string> = {},
): Refused {
  return { status, error: new HoldfastError(code, message), headers }
}

/** Answers, and closes the connection: what else was sent on it is not read. */
function refuse(
  response: ServerResponse,
  error: HoldfastError,
  { status, headers }: { status: number; headers?: Record<string, string> } = {
    status: errorStatus[error.code],
  },
): void {
  const body = JSON.stringify(refusalBody(error))
  response.writeHead(status, {
    ...headers,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...(response.req.complete ? {} : { Connection: 'close' }),
  })
  response.end(body)
}

function refuseRaw(socket: Duplex, { status, error, headers }: Refused, generation: string): void {
  const body = JSON.stringify(refusalBody(error))
  const all = {
    Connection: 'close',
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    [generationHeader]: generation,
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  socket.end(`HTTP/1.1 ${status} Refused\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
}

function ignore(): void {}
