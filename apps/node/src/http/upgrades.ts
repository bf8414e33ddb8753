/** WebSocket upgrades (RFC 6455): the client protocol and tRPC subscriptions. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { limits } from '@holdfast/api/contract/limits'
import type { Caller } from '@holdfast/api/services'
import { type WebSocket, WebSocketServer } from 'ws'
import { answerRaw } from './answers.ts'
import { httpBounds } from './bounds.ts'
import type { HttpDependencies } from './dependencies.ts'
import { cookieToken, originOf, pathOf, provenance } from './request.ts'
import { credentialsOf, findCaller } from './trpc-context.ts'
import { TrpcSockets } from './trpc-socket.ts'

export const clientPath = '/client/v1'
export const trpcSocketPath = '/trpc'

/** Close code when the node itself failed (RFC 6455, section 7.4.1). */
const internalErrorCode = 1011

/** A broken frame or a lost line; ws closes the socket by itself, and the listener keeps the process alive. */
function ignoreError(): void {}

export class Upgrades {
  readonly #dependencies: HttpDependencies
  readonly #clients = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: limits.frameBytes,
    skipUTF8Validation: false,
  })
  readonly #watchers = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: httpBounds.trpcMessageBytes,
    skipUTF8Validation: false,
  })
  readonly trpc: TrpcSockets
  #stopping = false

  constructor(dependencies: HttpDependencies) {
    this.#dependencies = dependencies
    this.trpc = new TrpcSockets(dependencies, this.#watchers)
  }

  get clientCount(): number {
    return this.#clients.clients.size
  }

  get trpcCount(): number {
    return this.#watchers.clients.size
  }

  /** Handles the server's `upgrade` event. */
  handle(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = pathOf(request)
    const closed = this.#dependencies.closed()
    if (closed !== null) {
      answerRaw(socket, 503, closed)
    } else if (this.#stopping) {
      answerRaw(socket, 503, 'The node is stopping.')
    } else if (path !== clientPath && path !== trpcSocketPath) {
      answerRaw(socket, 404, 'There is no WebSocket here.')
    } else if (provenance(request) === 'foreign') {
      answerRaw(socket, 403, 'This connection comes from a page of another site and is refused.')
    } else if (path === clientPath) {
      this.#clients.handleUpgrade(request, socket, head, this.#acceptClient)
    } else {
      void this.#upgradeTrpc(request, socket, head)
    }
  }

  /** Tells every WebSocket that the node stops, and takes no more of them. */
  goAway(code: number): void {
    this.#stopping = true
    this.trpc.stop()
    for (const server of [this.#clients, this.#watchers]) {
      for (const socket of server.clients) socket.close(code, 'the node is stopping')
    }
  }

  readonly #acceptClient = (socket: WebSocket, request: IncomingMessage): void => {
    socket.on('error', ignoreError)
    const { remote, userAgent } = originOf(request)
    // A cookie speaks only for a browser, and a browser always names the origin of a WebSocket.
    const fromOwnPage = request.headers.origin !== undefined && provenance(request) === 'own'
    try {
      this.#dependencies.acceptClient(socket, {
        remote,
        userAgent,
        cookieToken: fromOwnPage ? cookieToken(request) : null,
      })
    } catch (error) {
      this.#dependencies.logger.error({ err: error, remote }, 'a client connection could not be taken')
      socket.close(internalErrorCode)
    }
  }

  async #upgradeTrpc(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', ignoreError)
    try {
      const credentials = credentialsOf(request)
      if (request.headers.origin === undefined || credentials === null || !credentials.viaCookie) {
        answerRaw(socket, 401, 'Subscriptions need the session cookie and the Origin of this node.')
        return
      }
      const { caller, refusal } = await findCaller(this.#dependencies, request)
      if (socket.destroyed) return
      if (caller === null) answerRaw(socket, 401, refusal?.message ?? 'Sign in first.')
      else if (this.#stopping) answerRaw(socket, 503, 'The node is stopping.')
      else if (this.trpc.full) answerRaw(socket, 503, 'Too many subscribers; try again later.')
      else this.#acceptTrpc(request, socket, head, caller)
    } catch (error) {
      this.#dependencies.logger.error({ err: error }, 'an upgrade failed')
      answerRaw(socket, 500, 'The node could not do this; its log says why.')
    }
  }

  #acceptTrpc(request: IncomingMessage, socket: Duplex, head: Buffer, caller: Caller): void {
    const credentials = credentialsOf(request)
    if (credentials === null) return
    socket.removeListener('error', ignoreError)
    this.#watchers.handleUpgrade(request, socket, head, (webSocket) => {
      this.trpc.accept(webSocket, request, caller, credentials)
    })
  }
}
