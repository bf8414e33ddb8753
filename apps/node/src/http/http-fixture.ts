/**
 * A real HTTP server on loopback for tests, with certificates of a real authority. Only what lies behind it is made up:
 * a few services, and sessions in a map.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect, type TLSSocket } from 'node:tls'
import { HoldfastError } from '@holdfast/api/contract/errors'
import type { Role } from '@holdfast/api/contract/policy'
import type { Caller, Services } from '@holdfast/api/services'
import { WebSocket } from 'ws'
import { systemClock } from '../platform/clock.ts'
import { createLogger } from '../platform/logger.ts'
import { createAuthority, createKeyPair, issueNodeCertificate } from '../trust/ca.ts'
import type { ClientMeta, Credentials, HttpDependencies, TlsMaterial } from './dependencies.ts'
import { HttpServer } from './http-server.ts'

export async function makeTls(facility = 'Test'): Promise<TlsMaterial> {
  const nowMs = Date.now()
  const authority = await createAuthority({ facility, nowMs })
  const { publicKey, privateKey } = createKeyPair()
  const node = await issueNodeCertificate(authority, {
    nodeName: 'node1',
    hostnames: ['localhost'],
    ipAddresses: ['127.0.0.1', '::1'],
    publicKey,
    nowMs,
  })
  return { key: privateKey, cert: node.certificate, ca: authority.certificate }
}

const sharedTls = makeTls()

export const testToken = 'T'.repeat(43)

export function testCaller(role: Role = 'owner'): Caller {
  return {
    sessionId: 's_00000000000000000001',
    personId: 'p_00000000000000000001',
    name: 'ada',
    displayName: 'Ada',
    role,
    deviceId: null,
    remote: '127.0.0.1',
  }
}

/** What the fake services were asked for. */
export interface Seen {
  logins: number
  logouts: number
  credentials: Credentials[]
  clients: { socket: WebSocket; meta: ClientMeta }[]
  subscriptions: number
}

function fakeServices(seen: Seen): Services {
  const login = {
    sessionId: testCaller().sessionId,
    person: { id: testCaller().personId, name: 'ada', displayName: 'Ada', role: 'owner' as const },
    mustChange: false,
    deviceId: null,
    deviceStatus: null,
  }
  const some = {
    setup: {
      state: () => ({ setUp: true, nodeName: 'node1', facility: 'Test', caFingerprint: '', version: '0' }),
    },
    auth: {
      login: async () => {
        seen.logins++
        return { ...login, token: testToken, expiresAt: Date.now() + 3600_000 }
      },
      logout: async () => {
        seen.logouts++
      },
    },
    presence: {
      list: () => [],
      async *live(signal: AbortSignal) {
        seen.subscriptions++
        yield []
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
        seen.subscriptions--
      },
    },
  }
  // The routers call these few only in these tests; any other would throw.
  return some as unknown as Services
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

export interface CallOptions {
  method?: string
  headers?: Record<string, string>
  body?: string | Buffer
}

export interface TestServer extends AsyncDisposable {
  http: HttpServer
  port: number
  /** `https://localhost:PORT`. */
  origin: string
  seen: Seen
  sessions: Map<string, Caller>
  tls: TlsMaterial
  call(path: string, options?: CallOptions): Promise<Answer>
  /** A POST to a tRPC procedure. */
  mutate(procedure: string, input: unknown, headers?: Record<string, string>): Promise<Answer>
  /** A TLS connection without any HTTP. */
  connectTls(): Promise<TLSSocket>
  webSocket(path: string, headers?: Record<string, string>): WebSocket
}

export async function startHttp(overrides: Partial<HttpDependencies> = {}): Promise<TestServer> {
  const tls = overrides.tls ?? (await sharedTls)
  const seen: Seen = { logins: 0, logouts: 0, credentials: [], clients: [], subscriptions: 0 }
  const sessions = new Map([[testToken, testCaller()]])
  const http = new HttpServer({
    tls,
    services: fakeServices(seen),
    authenticate: async (credentials) => {
      seen.credentials.push(credentials)
      const caller = sessions.get(credentials.token)
      if (!caller) throw new HoldfastError('session-ended', 'Your session has ended.')
      return caller
    },
    acceptClient: (socket, meta) => {
      seen.clients.push({ socket, meta })
      socket.send('hello')
    },
    readiness: () => ({ ready: true, reason: null }),
    closed: () => null,
    metrics: () => 'holdfast_test 1\n',
    metricsToken: null,
    wellKnown: () => ({ facility: 'Test' }),
    uiDirectory: null,
    logger: createLogger({ level: 'silent' }),
    clock: systemClock,
    ...overrides,
    config: { ...testConfig, ...overrides.config },
  })
  const { port } = await http.start()
  const origin = `https://localhost:${port}`
  const call = (path: string, options: CallOptions = {}) => send({ port, tls, path, ...options })
  return {
    http,
    port,
    origin,
    seen,
    sessions,
    tls,
    call,
    mutate: (procedure, input, headers = {}) =>
      call(`/trpc/${procedure}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(input ?? {}),
      }),
    connectTls: () =>
      new Promise((resolve, reject) => {
        const socket = connect({ port, host: 'localhost', ca: tls.ca }, () => resolve(socket))
        socket.once('error', reject)
      }),
    webSocket: (path, headers = {}) =>
      new WebSocket(`wss://localhost:${port}${path}`, { ca: tls.ca, headers }),
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  }
}

export const testConfig: HttpDependencies['config'] = {
  host: '::',
  port: 0,
  maxConnections: 1000,
  maxConnectionsPerAddress: 0,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  hstsSeconds: 0,
}

function send(options: CallOptions & { port: number; tls: TlsMaterial; path: string }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: 'localhost',
        port: options.port,
        path: options.path,
        method: options.method ?? 'GET',
        headers: options.headers ?? {},
        ca: options.tls.ca,
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        )
      },
    )
    request.on('error', reject)
    request.end(options.body)
  })
}

/** The cookie and the origin that a browser sends from one of our own pages. */
export function browser(server: TestServer): Record<string, string> {
  return { cookie: `other=1; __Host-holdfast=${testToken}`, origin: server.origin }
}

/** Everything a socket receives until it is closed. */
export function readAll(socket: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
  })
}

/** The status with which an upgrade was refused; 101 when it was not. */
export function upgradeStatus(socket: WebSocket): Promise<number> {
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(101))
    socket.once('unexpected-response', (_, response) => {
      resolve(response.statusCode ?? 0)
      response.destroy()
    })
    socket.once('error', reject)
  })
}

export function closeCode(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => {
    socket.on('error', () => {})
    socket.once('close', resolve)
  })
}
