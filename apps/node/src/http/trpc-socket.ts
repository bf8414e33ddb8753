/**
 * tRPC over WebSocket: subscriptions of the admin UI, each with the browser's cookie session.
 *
 * 1. The upgrade needs our own Origin and a live session.
 * 2. Only subscriptions run here; queries and mutations are HTTP calls, whose session is looked up for each.
 * 3. Every session is looked at again at an interval, and closed at once by closeSessions().
 */
import type { IncomingMessage } from 'node:http'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { closeCodes } from '@holdfast/api/contract/frames'
import { limits } from '@holdfast/api/contract/limits'
import { appRouter } from '@holdfast/api/router'
import type { Caller } from '@holdfast/api/services'
import { type Encoder, getWSConnectionHandler } from '@trpc/server/adapters/ws'
import type { WebSocket, WebSocketServer } from 'ws'
import { httpBounds } from './bounds.ts'
import type { Credentials, HttpDependencies } from './dependencies.ts'
import { originOf } from './request.ts'

interface Watcher {
  socket: WebSocket
  caller: Caller
  credentials: Credentials
  request: IncomingMessage
  /** Ids of the subscriptions that were asked for and have not ended. */
  subscriptions: Set<unknown>
}

export class TrpcSockets {
  readonly #dependencies: HttpDependencies
  readonly #server: WebSocketServer
  readonly #watchers = new Set<Watcher>()
  #timer: NodeJS.Timeout | null = null

  constructor(dependencies: HttpDependencies, server: WebSocketServer) {
    this.#dependencies = dependencies
    this.#server = server
  }

  get full(): boolean {
    return this.#watchers.size >= httpBounds.trpcSockets
  }

  start(): void {
    this.#timer = setInterval(() => void this.checkSessions(), httpBounds.sessionCheckMs)
    this.#timer.unref()
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
  }

  /** Takes over a socket whose upgrade was accepted for `caller`. */
  accept(socket: WebSocket, request: IncomingMessage, caller: Caller, credentials: Credentials): void {
    const watcher: Watcher = { socket, caller, credentials, request, subscriptions: new Set() }
    this.#watchers.add(watcher)
    socket.once('close', () => this.#watchers.delete(watcher))
    const connect = getWSConnectionHandler({
      wss: this.#server,
      router: appRouter,
      keepAlive: { enabled: true, pingMs: httpBounds.trpcPingMs, pongWaitMs: httpBounds.trpcPongWaitMs },
      experimental_encoder: boundedEncoder(watcher),
      createContext: () => ({
        services: this.#dependencies.services,
        caller,
        refusal: null,
        origin: originOf(request),
        setSessionCookie: () => {
          throw new HoldfastError(
            'bad-request',
            'Sign in and out over HTTP: a WebSocket cannot set the cookie.',
          )
        },
      }),
      onError: ({ error, path }) => {
        if (error.code !== 'INTERNAL_SERVER_ERROR' || error.cause instanceof HoldfastError) return
        this.#dependencies.logger.error(
          { err: error.cause ?? error, procedure: path },
          'a subscription failed',
        )
      },
    })
    connect(socket, request)
  }

  /** Closes every socket of a session that `ended` names, at once. */
  closeSessions(ended: (caller: Caller) => boolean): void {
    for (const watcher of this.#watchers) {
      if (ended(watcher.caller)) watcher.socket.close(closeCodes.revoked, 'session ended')
    }
  }

  /** Looks at every session again; closes those that ended or whose person has another role now. */
  async checkSessions(): Promise<void> {
    for (const watcher of [...this.#watchers]) {
      if (!(await this.#stillLives(watcher)))
        watcher.socket.close(closeCodes.unauthenticated, 'session ended')
    }
  }

  async #stillLives(watcher: Watcher): Promise<boolean> {
    try {
      const now = await this.#dependencies.authenticate(watcher.credentials, originOf(watcher.request))
      return now.role === watcher.caller.role
    } catch (error) {
      // A node that cannot look now (a busy database, say) does not end sessions for it.
      return !(error instanceof HoldfastError) || error.code === 'busy'
    }
  }
}

/** JSON that lets subscriptions pass and keeps their number and the socket's queue bounded. */
function boundedEncoder(watcher: Watcher): Encoder {
  return {
    decode: (data) => {
      if (typeof data !== 'string') throw new HoldfastError('bad-request', 'Send JSON as text.')
      const message: unknown = JSON.parse(data)
      return Array.isArray(message)
        ? message.map((part) => onlySubscriptions(part, watcher))
        : onlySubscriptions(message, watcher)
    },
    encode: (message) => {
      forgetEnded(message, watcher)
      // A browser that does not read costs memory; it comes back and starts anew.
      if (watcher.socket.bufferedAmount > limits.connectionQueueBytes) watcher.socket.terminate()
      return JSON.stringify(message)
    },
  }
}

/** Asked for as a subscription, a query or mutation does not exist: tRPC answers not-found and runs nothing. */
function onlySubscriptions(message: unknown, watcher: Watcher): unknown {
  if (typeof message !== 'object' || message === null || !('method' in message)) return message
  if (message.method === 'subscription.stop') return message
  watcher.subscriptions.add('id' in message ? message.id : null)
  if (watcher.subscriptions.size > httpBounds.subscriptionsPerSocket) {
    watcher.socket.close(closeCodes.tooMany, 'too many subscriptions')
    throw new HoldfastError('too-many', 'Too many subscriptions on one connection.')
  }
  return { ...message, method: 'subscription' }
}

/** A subscription ends with `stopped` or with an error. */
function forgetEnded(message: unknown, watcher: Watcher): void {
  if (typeof message !== 'object' || message === null || !('id' in message)) return
  const ended =
    'error' in message ||
    ('result' in message && (message.result as { type?: string } | undefined)?.type === 'stopped')
  if (ended) watcher.subscriptions.delete(message.id)
}
