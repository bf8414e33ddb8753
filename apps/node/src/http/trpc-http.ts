import type { IncomingMessage, ServerResponse } from 'node:http'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { limits } from '@holdfast/api/contract/limits'
import { appRouter } from '@holdfast/api/router'
import { toTrpcError } from '@holdfast/api/router/trpc'
import { TRPCError } from '@trpc/server'
import { nodeHTTPRequestHandler } from '@trpc/server/adapters/node-http'
import { answer } from './answers.ts'
import { httpBounds } from './bounds.ts'
import type { HttpDependencies } from './dependencies.ts'
import { decodePath, provenance } from './request.ts'
import { requestContext } from './trpc-context.ts'

export const trpcPrefix = '/trpc/'

/** tRPC keeps its procedures by their whole path, `presence.live`, which its type does not tell. */
const procedures = appRouter._def.procedures as unknown as Readonly<
  Record<string, { _def: { type: 'query' | 'mutation' | 'subscription' } }>
>

/** Answers a tRPC request; `path` is the request's path without query. Never rejects. */
export async function handleTrpc(
  dependencies: HttpDependencies,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  // A streamed answer sends its headers before a procedure ran, and with them goes the chance to set the cookie.
  delete request.headers['trpc-accept']
  if (asksForSubscription(path)) {
    response.setHeader('Upgrade', 'websocket')
    answer(response, { status: 426, body: 'Subscribe over the WebSocket /trpc.\n' })
    return
  }
  const closed = dependencies.closed()
  const refusal = closed === null ? refuse(request) : toTrpcError(keptOut(closed))
  response.once('finish', () => {
    if (!request.complete) linger(request)
  })
  await nodeHTTPRequestHandler({
    router: appRouter,
    req: request,
    res: response,
    path: path.slice(trpcPrefix.length),
    maxBodySize: limits.httpBodyBytes,
    maxBatchSize: httpBounds.batchCalls,
    createContext: () => requestContext(dependencies, request, response),
    middleware: (_request, _response, next) => next(refusal),
    onError: ({ error, path: procedure }) => {
      if (error.code !== 'INTERNAL_SERVER_ERROR' || error.cause instanceof HoldfastError) return
      dependencies.logger.error({ err: error.cause ?? error, procedure }, 'a call failed')
    },
  })
}

/** Nothing was done: whoever asks may ask another node. */
const keptOut = (why: string) => new HoldfastError('no-quorum', why, { retryAfterMs: 1000 })

/**
 * What a client still sends of a body that was refused is read and dropped for a while, so that it can read the answer:
 * a connection closed with unread bytes is reset, and the answer with it.
 */
function linger(request: IncomingMessage): void {
  request.resume()
  const timer = setTimeout(() => {
    if (!request.complete) request.destroy()
  }, httpBounds.lingerMs)
  request.once('close', () => clearTimeout(timer))
}

/** Whether one of the procedures in the path, which a batch lists with commas, is a subscription. */
function asksForSubscription(path: string): boolean {
  return decodePath(path.slice(trpcPrefix.length))
    .split(',')
    .some((name) => Object.hasOwn(procedures, name) && procedures[name]?._def.type === 'subscription')
}

/**
 * What is wrong with a request before any procedure is looked at; undefined: nothing.
 *
 * Calls that change something are POST with a JSON body: a foreign page cannot send that type without asking first
 * (CORS), and its origin is refused besides. GET reaches queries only; tRPC refuses a mutation by GET.
 */
function refuse(request: IncomingMessage): TRPCError | undefined {
  if (provenance(request) === 'foreign') {
    return toTrpcError(
      new HoldfastError('forbidden', 'This call comes from a page of another site and is refused.'),
    )
  }
  if (request.method === 'GET') return undefined
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (type !== 'application/json') {
    return new TRPCError({ code: 'UNSUPPORTED_MEDIA_TYPE', message: 'Send the call as application/json.' })
  }
  if (Number(request.headers['content-length'] ?? 0) > limits.httpBodyBytes) {
    return toTrpcError(
      new HoldfastError('too-large', `A call may have ${limits.httpBodyBytes} bytes at most.`),
    )
  }
  return undefined
}
