import type { IncomingMessage, ServerResponse } from 'node:http'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { limits } from '@holdfast/api/contract/limits'
import { appRouter } from '@holdfast/api/router'
import { toTrpcError } from '@holdfast/api/router/trpc'
import { nodeHTTPRequestHandler } from '@trpc/server/adapters/node-http'
import { httpBounds } from './bounds.ts'
import type { HttpDependencies } from './dependencies.ts'
import { provenance } from './origin.ts'
import { requestContext } from './trpc-context.ts'

export const trpcPrefix = '/trpc/'

/** Answers a tRPC request; `path` is the request's path without query. Never rejects. */
export async function handleTrpc(
  dependencies: HttpDependencies,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  // A streamed answer sends its headers before a procedure ran, and with them goes the chance to set the cookie.
  delete request.headers['trpc-accept']
  const refusal = refuse(request)
  // What the client still sends of a refused or too large body is not waited for.
  response.once('finish', () => {
    if (!request.complete) request.destroy()
  })
  await nodeHTTPRequestHandler({
    router: appRouter,
    req: request,
    res: response,
    path: path.slice(trpcPrefix.length),
    maxBodySize: limits.httpBodyBytes,
    maxBatchSize: httpBounds.batchCalls,
    createContext: () => requestContext(dependencies, request, response),
    middleware: (_request, _response, next) => next(refusal ? toTrpcError(refusal) : undefined),
    onError: ({ error, path: procedure }) => {
      if (error.code !== 'INTERNAL_SERVER_ERROR' || error.cause instanceof HoldfastError) return
      dependencies.logger.error({ err: error.cause ?? error, procedure }, 'a call failed')
    },
  })
}

/**
 * What is wrong with a request before any procedure is looked at; null: nothing.
 *
 * Calls that change something are POST with a JSON body: a foreign page cannot send that type without asking first
 * (CORS), and its origin is refused besides. GET reaches queries only; tRPC refuses a mutation by GET.
 */
function refuse(request: IncomingMessage): HoldfastError | null {
  if (provenance(request) === 'foreign') {
    return new HoldfastError('forbidden', 'This call comes from a page of another site and is refused.')
  }
  if (request.method === 'GET') return null
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (type !== 'application/json') {
    return new HoldfastError('bad-request', 'Send the call as application/json.')
  }
  if (Number(request.headers['content-length'] ?? 0) > limits.httpBodyBytes) {
    return new HoldfastError('too-large', `A call may have ${limits.httpBodyBytes} bytes at most.`)
  }
  return null
}
