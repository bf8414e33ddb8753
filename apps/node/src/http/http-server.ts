import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { closeCodes } from '@holdfast/api/contract/frames'
import type { Caller } from '@holdfast/api/services'
import { answer, answerRaw, methodAllowed } from './answers.ts'
import { httpBounds } from './bounds.ts'
import { Connections } from './connections.ts'
import { HttpCounters } from './counters.ts'
import type { HttpDependencies, TlsMaterial } from './dependencies.ts'
import * as endpoints from './endpoints.ts'
import { CertificateError, listenError } from './errors.ts'
import { setSecurityHeaders } from './headers.ts'
import { ManagedListeners } from './managed-listeners.ts'
import { pathOf } from './request.ts'
import { serveUi } from './static-ui.ts'
import { secureContextOptions } from './tls.ts'
import { handleTrpc, trpcPrefix } from './trpc-http.ts'
import { loadUiFiles, type UiFiles } from './ui-files.ts'
import { clientPath, trpcSocketPath, Upgrades } from './upgrades.ts'

/** Every IPv4 address, for a machine whose kernel has no IPv6. */
const everyIpv4 = '0.0.0.0'

/** The node's one public port; docs/reference/http.md says what it answers. */
export class HttpServer implements AsyncDisposable {
  readonly #dependencies: HttpDependencies
  readonly #connections: Connections
  readonly #counters = new HttpCounters()
  readonly #upgrades: Upgrades
  #tls: TlsMaterial
  #server: Server | null = null
  #managed: ManagedListeners | null = null
  #ui: UiFiles | null = null
  #stopping = false

  constructor(dependencies: HttpDependencies) {
    this.#dependencies = dependencies
    this.#tls = dependencies.tls
    const { maxConnections, maxConnectionsPerAddress } = dependencies.config
    this.#connections = new Connections(maxConnections, maxConnectionsPerAddress)
    this.#upgrades = new Upgrades(dependencies)
  }

  /**
   * Listens.
   *
   * @returns the TCP port, which differs from the setting when that is 0
   * @throws ListenError or CertificateError, each in one line that says how to mend it
   */
  async start(): Promise<{ port: number }> {
    const { uiDirectory, config } = this.#dependencies
    this.#ui = uiDirectory === null ? null : await loadUiFiles(uiDirectory)
    const server = this.#create()
    await listen(server, config.host, config.port)
    this.#server = server
    this.#managed = await ManagedListeners.start(this.#dependencies.listeningSockets ?? [], server, config)
    server.on('error', (error) => this.#dependencies.logger.error({ err: error }, 'the HTTP server failed'))
    this.#upgrades.trpc.start()
    return { port: (server.address() as AddressInfo).port }
  }

  /**
   * Uses another certificate for connections from now on; those that are open keep theirs.
   *
   * @throws CertificateError; the old certificate stays in use
   */
  reloadCertificate(tls: TlsMaterial): void {
    try {
      this.#server?.setSecureContext(secureContextOptions(tls))
    } catch (error) {
      throw new CertificateError(error)
    }
    this.#tls = tls
  }

  /** Cuts the subscriptions of sessions that ended; call it the moment they do. */
  closeSessions(ended: (caller: Caller) => boolean): void {
    this.#upgrades.trpc.closeSessions(ended)
  }

  /** Looks at every subscriber's session now; it also happens at an interval. */
  async checkSessions(): Promise<void> {
    await this.#upgrades.trpc.checkSessions()
  }

  /** Stops to listen, tells WebSockets to go, waits a bounded time for what is under way, cuts the rest. */
  async [Symbol.asyncDispose](): Promise<void> {
    const server = this.#server
    if (server === null) return
    this.#server = null
    this.#stopping = true
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    this.#managed?.close()
    this.#upgrades.goAway(closeCodes.shuttingDown)
    const { clock } = this.#dependencies
    const deadline = clock.monotonic() + httpBounds.shutdownMs
    while (this.#connections.size > 0 && clock.monotonic() < deadline) {
      server.closeIdleConnections()
      await sleep(httpBounds.shutdownStepMs)
    }
    this.#connections.destroyAll()
    await closed
  }

  #create(): Server {
    const { config } = this.#dependencies
    let server: Server
    try {
      server = createServer({
        ...secureContextOptions(this.#tls),
        ALPNProtocols: ['http/1.1'],
        handshakeTimeout: config.headersTimeoutMs,
        headersTimeout: config.headersTimeoutMs,
        requestTimeout: Math.max(config.requestTimeoutMs, config.headersTimeoutMs),
        keepAliveTimeout: httpBounds.keepAliveMs,
        connectionsCheckingInterval: Math.min(httpBounds.timeoutCheckMs, config.headersTimeoutMs),
        maxHeaderSize: httpBounds.headerBytes,
      })
    } catch (error) {
      throw new CertificateError(error)
    }
    server.maxHeadersCount = httpBounds.headersCount
    server.maxConnections = config.maxConnections
    server.on('connection', (socket: Socket) => this.#connections.take(socket))
    server.on('drop', () => {
      this.#connections.refused++
    })
    server.on('tlsClientError', sayHttps)
    server.on('request', (request, response) => void this.#handle(request, response))
    server.on('upgrade', (request, socket, head) => this.#upgrades.handle(request, socket, head))
    return server
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    setSecurityHeaders(response, this.#dependencies.config.hstsSeconds)
    // A stopping server says so, so that the client takes its next request elsewhere.
    if (this.#stopping) response.setHeader('Connection', 'close')
    this.#counters.count(response)
    try {
      await this.#route(request, response, pathOf(request))
    } catch (error) {
      this.#dependencies.logger.error({ err: error, method: request.method }, 'a request failed')
      if (response.headersSent) response.destroy()
      else answer(response, { status: 500, body: 'The node could not do this; its log says why.\n' })
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    if (path.startsWith(trpcPrefix)) {
      if (methodAllowed(request, response, ['GET', 'POST'])) {
        await handleTrpc(this.#dependencies, request, response, path)
      }
      return
    }
    if (path === clientPath || path === trpcSocketPath) {
      response.setHeader('Upgrade', 'websocket')
      answer(response, { status: 426, body: 'Connect here with a WebSocket.\n' })
      return
    }
    const endpoint = this.#endpoint(path)
    if (endpoint === null) return serveUi(this.#ui, request, response, path)
    if (methodAllowed(request, response, ['GET'])) await endpoint(request, response)
  }

  #endpoint(path: string): ((request: IncomingMessage, response: ServerResponse) => unknown) | null {
    const dependencies = this.#dependencies
    switch (path) {
      case '/healthz':
        return (_, response) => endpoints.health(response)
      case '/readyz':
        return (_, response) => endpoints.ready(dependencies, response)
      case '/metrics':
        return (request, response) => endpoints.metrics(dependencies, request, response, this.#ownMetrics())
      case '/.well-known/holdfast':
        return (_, response) => endpoints.wellKnown(dependencies, response)
      case '/ca.pem':
        return (_, response) => endpoints.caCertificate(this.#tls.ca, response)
      default:
        return null
    }
  }

  #ownMetrics(): string {
    return this.#counters.render({
      connections: this.#connections.size,
      refused: this.#connections.refused,
      clientSockets: this.#upgrades.clientCount,
      trpcSockets: this.#upgrades.trpcCount,
    })
  }
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  const attempt = (address: string) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: address, port, backlog: httpBounds.backlog }, () => {
        server.removeListener('error', reject)
        resolve()
      })
    })
  try {
    await attempt(host)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const noIpv6 = host === '::' && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL')
    if (!noIpv6) throw listenError(error as NodeJS.ErrnoException, host, port)
    await attempt(everyIpv4).catch((second) => {
      throw listenError(second, everyIpv4, port)
    })
  }
}

/**
 * Somebody spoke plain HTTP to the HTTPS port. TLS has consumed the request, so there is no path to redirect to, but the
 * TCP socket below, which Node keeps in `_parent`, can still carry one sentence.
 */
function sayHttps(error: NodeJS.ErrnoException, socket: TLSSocket & { _parent?: Socket }): void {
  if (error.code !== 'ERR_SSL_HTTP_REQUEST' || !socket._parent?.writable) return
  answerRaw(socket._parent, 400, 'This port speaks HTTPS: put https:// in front of the address.')
}
