/** What the SDK needs in Node besides client.ts: sockets and requests that trust the facility's own CA. */
import type { ClientRequest } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { WebSocket } from 'ws'
import type { Fetch } from './api.ts'
import { type Client, type ClientOptions, connect } from './client.ts'
import { UnreachableError } from './errors.ts'
import { NodeList } from './node-list.ts'
import type { OpenSocket, SocketLike } from './socket.ts'

/** Largest answer that is read; the audit's export, 5000 lines, is the largest there is. */
const maxAnswerBytes = 64 * 1024 * 1024
const requestTimeoutMs = 30_000
/** TLS set up with a node; a partitioned one says nothing, and the next one waits. */
const connectTimeoutMs = 2_000
/** Largest message taken from a node: a page of 200 of the largest texts with every character escaped. */
const maxMessageBytes = 64 * 1024 * 1024

export interface NodeTrust {
  /** Name and version of the program, for the node's list of sessions. */
  userAgent?: string
  /** PEM of the facility's CA; Node's own list of public authorities when absent. */
  ca?: string
}

export interface NodeDiscovery {
  /**
   * Finds addresses of further nodes of the same facility, for example on the LAN; asked when no known node answers. Whom
   * it finds still has to show a certificate of `ca`. Without effect on a shared list.
   */
  discover?: () => Promise<string[]>
}

/** `connect` for Node: trusts `ca` and nothing else. */
export function connectNode(options: ClientOptions & NodeTrust & NodeDiscovery): Client {
  const { discover, backoff } = options
  const urls = NodeList.of(options.urls, { ...(backoff && { backoff }), ...(discover && { discover }) })
  return connect({ openSocket: nodeSocket(options), ...options, urls })
}

/** Opens WebSockets that trust `ca`. */
export function nodeSocket(trust: NodeTrust): OpenSocket {
  return (url) => {
    const socket = new WebSocket(url, {
      ...(trust.ca === undefined ? {} : { ca: trust.ca }),
      ...(trust.userAgent === undefined ? {} : { headers: { 'user-agent': trust.userAgent } }),
      minVersion: 'TLSv1.3',
      maxPayload: maxMessageBytes,
      // A message is small and wants to leave now; compressing costs memory for every connection.
      perMessageDeflate: false,
    })
    let line: Socket | undefined
    socket.once('upgrade', (answer) => {
      line = answer.socket
    })
    return Object.assign(socket, { bytesReceived: () => line?.bytesRead }) as unknown as SocketLike
  }
}

/**
 * A fetch over node:https that trusts `ca`, with connections kept for the next request. Node's global fetch takes no
 * CA of its own.
 */
export function createNodeFetch(trust: NodeTrust): Fetch & Disposable {
  const agent = new Agent({
    keepAlive: true,
    minVersion: 'TLSv1.3',
    ...(trust.ca === undefined ? {} : { ca: trust.ca }),
  })
  const send: Fetch = (url, init) =>
    new Promise((resolve, reject) => {
      /** Whether the request may have left: nothing is written before TLS is set up. */
      let isConnected = false
      const fail = (cause: Error): void =>
        reject(
          new UnreachableError(`${new URL(url).origin} cannot be reached: ${cause.message}${hintOf(cause)}`, {
            cause,
            mayHaveArrived: isConnected,
          }),
        )
      const body = typeof init.body === 'string' ? init.body : undefined
      const request = httpsRequest(
        url,
        {
          agent,
          method: init.method ?? 'GET',
          headers: {
            ...(trust.userAgent === undefined ? {} : { 'user-agent': trust.userAgent }),
            ...Object.fromEntries(new Headers(init.headers)),
            ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
          },
          timeout: requestTimeoutMs,
          ...(init.signal ? { signal: init.signal } : {}),
        },
        (answer) => {
          const chunks: Buffer[] = []
          let bytes = 0
          answer.on('data', (chunk: Buffer) => {
            bytes += chunk.length
            if (bytes > maxAnswerBytes)
              request.destroy(new Error(`its answer is over ${maxAnswerBytes} bytes`))
            else chunks.push(chunk)
          })
          answer.on('error', fail)
          answer.on('end', () => {
            const headers = new Headers()
            for (const [name, value] of Object.entries(answer.headers))
              if (typeof value === 'string') headers.set(name, value)
            const status = answer.statusCode ?? 500
            const empty = status === 204 || status === 304
            resolve(new Response(empty ? null : Buffer.concat(chunks), { status, headers }))
          })
        },
      )
      onceConnected(request, () => {
        isConnected = true
      })
      request.on('timeout', () => request.destroy(new Error(`no answer in ${requestTimeoutMs / 1000} s`)))
      request.on('error', fail)
      request.end(body)
    })
  return Object.assign(send, { [Symbol.dispose]: () => agent.destroy() })
}

/** Bounds the time for setting up TLS, and calls `connected` when it is done, or was for a request before. */
function onceConnected(request: ClientRequest, connected: () => void): void {
  request.on('socket', (socket) => {
    if (request.reusedSocket || !(socket instanceof TLSSocket)) {
      connected()
      return
    }
    const timer = setTimeout(
      () => request.destroy(new Error(`no connection in ${connectTimeoutMs / 1000} s`)),
      connectTimeoutMs,
    )
    socket.once('secureConnect', () => {
      clearTimeout(timer)
      connected()
    })
    request.once('close', () => clearTimeout(timer))
  })
}

function hintOf(cause: NodeJS.ErrnoException): string {
  if (cause.code !== 'ERR_TLS_CERT_ALTNAME_INVALID') return ''
  return '; use a name that is in it, or start the node with this one in --public-names'
}

/**
 * Fetches the CA that a node offers, over a connection that trusts nobody yet. Nothing secret goes over it; whoever
 * uses the CA compares its fingerprint with the one on the node's console first.
 */
export function fetchUntrustedCa(origin: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (message: string, cause?: unknown): void =>
      reject(new UnreachableError(`${origin} cannot be reached: ${message}`, { cause }))
    const request = httpsRequest(
      `${origin}/ca.pem`,
      {
        timeout: requestTimeoutMs,
        agent: false,
        rejectUnauthorized: false,
        minVersion: 'TLSv1.3',
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (chunk: string) => {
          text += chunk
          if (text.length > maxAnswerBytes) request.destroy(new Error('its CA is too large'))
        })
        answer.on('error', (error) => fail(error.message, error))
        answer.on('end', () => {
          if (answer.statusCode === 200 && text.includes('-----BEGIN CERTIFICATE-----')) resolve(text)
          else fail(`/ca.pem was answered with ${answer.statusCode} and no certificate`)
        })
      },
    )
    onceConnected(request, () => {})
    request.on('timeout', () => request.destroy(new Error(`no answer in ${requestTimeoutMs / 1000} s`)))
    request.on('error', (error) => fail(error.message, error))
    request.end()
  })
}
