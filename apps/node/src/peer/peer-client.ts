/** Asks one other member. Its certificate must be of the interconnect authority and name it; its address may be any. */
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { errorStatus, HoldfastError } from '@holdfast/api/contract/errors'
import { peerBounds } from './bounds.ts'
import { ForeignGenerationError, faultOf, PeerError, type PeerFault, reasonOf } from './errors.ts'
import {
  generationHeader,
  notMemberHeader,
  parseGeneration,
  parseRefusal,
  peerPaths,
  wantedRevisionHeader,
} from './peer-protocol.ts'
import { type PeerMaterial, peerConnection } from './peer-tls.ts'

export interface PeerAddress {
  nodeId: string
  /** Host name or address. */
  address: string
  peerPort: number
}

export interface PeerClientOptions {
  member: PeerAddress
  material: () => PeerMaterial
  generation: () => string
  /** The member answered that it belongs to another generation. */
  onForeignGeneration: (generation: string, nodeId: string) => void
}

interface Ask {
  method: 'GET' | 'POST'
  path: string
  body?: Buffer
  headers?: Record<string, string | number>
}

/** An answer whose body is still to be read. */
export interface PeerAnswer {
  headers: IncomingHttpHeaders
  body: IncomingMessage
}

export class PeerClient implements Disposable {
  readonly member: PeerAddress
  readonly #options: PeerClientOptions
  readonly #agent = new Agent({
    keepAlive: true,
    // The free socket is let go before the other side does, so that no request meets a closing one.
    timeout: peerBounds.clientKeepAliveMs,
    maxSockets: peerBounds.clientSockets,
    maxFreeSockets: 1,
    // A resumed session would skip the check of the name.
    maxCachedSessions: 0,
  })

  constructor(options: PeerClientOptions) {
    this.#options = options
    this.member = options.member
  }

  /**
   * The member's state, as its `status` function gives it; the caller validates it.
   * @throws PeerError, HoldfastError (what the member answered)
   */
  status(options: { timeoutMs?: number } = {}): Promise<unknown> {
    return this.#json({ method: 'GET', path: peerPaths.status }, options)
  }

  /**
   * Has the member carry out an operation. After a PeerError `timeout` or `unreachable` it may have been carried out
   * all the same; nothing is sent twice.
   * @throws PeerError, HoldfastError (what the member answered)
   */
  async call(op: string, payload: unknown, options: { timeoutMs?: number } = {}): Promise<unknown> {
    const body = Buffer.from(JSON.stringify({ op, payload }))
    if (body.length > peerBounds.bodyBytes)
      throw new HoldfastError('too-large', `A call has at most ${peerBounds.bodyBytes} bytes.`)
    return this.#json({ method: 'POST', path: peerPaths.call, body }, options)
  }

  /**
   * Opens the stream of a fresh snapshot. `stallMs`: how long the member may say nothing while it makes it.
   * @throws PeerError, HoldfastError (what the member answered)
   */
  async openSnapshot(options: {
    signal: AbortSignal
    wantedRevision: number
    stallMs?: number
  }): Promise<PeerAnswer> {
    const stallMs = options.stallMs ?? peerBounds.snapshotStallMs
    const { response, asked } = await this.#send(
      {
        method: 'GET',
        path: peerPaths.snapshot,
        headers: { [wantedRevisionHeader]: options.wantedRevision },
      },
      { timeoutMs: stallMs, extend: true, signal: options.signal },
    )
    response.setTimeout(stallMs, () => asked.destroy(this.#error('timeout', 'it stopped in the middle')))
    if (response.statusCode !== 200) throw await this.#refusal(response)
    return { headers: response.headers, body: response }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }

  async #json(ask: Ask, options: { timeoutMs?: number }): Promise<unknown> {
    const timeoutMs = options.timeoutMs ?? peerBounds.callMs
    // One deadline for all of it, the reading of the answer included.
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      const { response } = await this.#send(ask, { timeoutMs, signal })
      if (response.statusCode !== 200) throw await this.#refusal(response)
      const body = await this.#read(response)
      if (typeof body !== 'object' || body === null || !('value' in body))
        throw this.#error('protocol', 'its answer is none')
      return body.value
    } catch (error) {
      if (signal.aborted && !(error instanceof HoldfastError))
        throw this.#error('timeout', `it did not answer within ${timeoutMs} ms`, error)
      throw error
    }
  }

  /** Sends a request and waits for the head of the answer. `extend`: a sign of progress begins the wait anew. */
  #send(
    ask: Ask,
    wait: { timeoutMs: number; extend?: boolean; signal: AbortSignal },
  ): Promise<{ response: IncomingMessage; asked: ClientRequest }> {
    const { member, material, generation } = this.#options
    return new Promise((resolve, reject) => {
      const asked = request({
        ...peerConnection(material(), member.nodeId),
        host: member.address,
        port: member.peerPort,
        method: ask.method,
        path: ask.path,
        agent: this.#agent,
        signal: wait.signal,
        headers: {
          [generationHeader]: generation(),
          ...ask.headers,
          ...(ask.body && { 'content-type': 'application/json', 'content-length': ask.body.length }),
        },
      })
      const late = setTimeout(
        () => asked.destroy(this.#error('timeout', `it did not answer within ${wait.timeoutMs} ms`)),
        wait.timeoutMs,
      )
      asked.once('socket', (socket) => {
        if (!socket.connecting) return
        const slow = setTimeout(
          () => asked.destroy(this.#error('unreachable', 'no connection in time')),
          peerBounds.connectMs,
        )
        const done = () => clearTimeout(slow)
        socket.once('secureConnect', done)
        socket.once('close', done)
      })
      if (wait.extend) asked.on('information', () => late.refresh())
      asked.once('response', (response) => {
        clearTimeout(late)
        resolve({ response, asked })
      })
      asked.on('error', (error) => {
        clearTimeout(late)
        reject(this.#asPeerError(error))
      })
      asked.end(ask.body)
    })
  }

  /** What the member answered instead of doing what was asked. */
  async #refusal(response: IncomingMessage): Promise<Error> {
    const { member, generation, onForeignGeneration } = this.#options
    const theirs = parseGeneration(response.headers[generationHeader])
    const refused = parseRefusal(await this.#read(response), (code) => Object.hasOwn(errorStatus, code))
    if (response.statusCode === 409 && theirs !== generation()) {
      onForeignGeneration(theirs, member.nodeId)
      return new ForeignGenerationError(member.nodeId, theirs)
    }
    // Only the border answers 403 with this header; an operation's own refusal does not carry it.
    if (response.statusCode === 403 && response.headers[notMemberHeader] !== undefined)
      return this.#error('not-member', 'it does not know this node as a member')
    return refused ?? this.#error('protocol', `it answered ${response.statusCode} without a reason`)
  }

  async #read(response: IncomingMessage): Promise<unknown> {
    const chunks: Buffer[] = []
    let bytes = 0
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        bytes += chunk.length
        if (bytes > peerBounds.bodyBytes) throw this.#error('protocol', 'its answer is too large')
        chunks.push(chunk)
      }
    } catch (error) {
      throw error instanceof PeerError ? error : this.#asPeerError(error as Error)
    }
    try {
      return JSON.parse(Buffer.concat(chunks).toString('utf8'))
    } catch (error) {
      throw this.#error('protocol', 'its answer is no JSON', error)
    }
  }

  #asPeerError(error: Error): Error {
    if (error instanceof PeerError) return error
    const fault = faultOf(error)
    return this.#error(fault, reasonOf(fault, error), error)
  }

  #error(fault: PeerFault, why: string, cause?: unknown): PeerError {
    const { nodeId, address, peerPort } = this.#options.member
    return new PeerError(
      fault,
      nodeId,
      `Node ${nodeId} at ${address} port ${peerPort}: ${why}.`,
      cause === undefined ? undefined : { cause },
    )
  }
}
