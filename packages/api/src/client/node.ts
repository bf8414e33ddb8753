/** What the SDK needs in Node besides client.ts: sockets and requests that trust the facility's own CA. */
import { Agent, request as httpsRequest } from 'node:https'
import { WebSocket } from 'ws'
import type { Fetch } from './api.ts'
import { type Client, type ClientOptions, connect } from './client.ts'
import { UnreachableError } from './errors.ts'
import type { OpenSocket, SocketLike } from './socket.ts'

/** Largest answer that is read; the audit's export, 5000 lines, is the largest there is. */
const maxAnswerBytes = 64 * 1024 * 1024
const requestTimeoutMs = 30_000
/** Largest message taken from a node: a page of 200 of the largest texts with every character escaped. */
const maxMessageBytes = 64 * 1024 * 1024

export interface NodeTrust {
  /** Name and version of the program, for the node's list of sessions. */
  userAgent?: string
  /** PEM of the facility's CA; Node's own list of public authorities when absent. */
  ca?: string
}

/** `connect` for Node: trusts `ca` and nothing else. */
export function connectNode(options: ClientOptions & NodeTrust): Client {
  return connect({ openSocket: nodeSocket(options), ...options })
}

/** Opens WebSockets that trust `ca`. */
export function nodeSocket(trust: NodeTrust): OpenSocket {
  return (url) =>
    new WebSocket(url, {
      ...(trust.ca === undefined ? {} : { ca: trust.ca }),
      ...(trust.userAgent === undefined ? {} : { headers: { 'user-agent': trust.userAgent } }),
      minVersion: 'TLSv1.3',
      maxPayload: maxMessageBytes,
      // A message is small and wants to leave now; compressing costs memory for every connection.
      perMessageDeflate: false,
    }) as unknown as SocketLike
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
      const fail = (cause: Error): void =>
        reject(new UnreachableError(`${new URL(url).origin} cannot be reached: ${cause.message}`, { cause }))
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
      request.on('timeout', () => request.destroy(new Error(`no answer in ${requestTimeoutMs / 1000} s`)))
      request.on('error', fail)
      request.end(body)
    })
  return Object.assign(send, { [Symbol.dispose]: () => agent.destroy() })
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
    request.on('timeout', () => request.destroy(new Error(`no answer in ${requestTimeoutMs / 1000} s`)))
    request.on('error', (error) => fail(error.message, error))
    request.end()
  })
}
