import type { IncomingMessage, ServerResponse } from 'node:http'
import { HoldfastError } from '@holdfast/api/contract/errors'
import type { Context } from '@holdfast/api/router/trpc'
import type { Caller } from '@holdfast/api/services'
import type { Credentials, HttpDependencies } from './dependencies.ts'
import { cookieToken, headerToken, originOf, pathOf, provenance, sessionCookie } from './request.ts'

/**
 * What a request brings to show who sent it. A cookie counts only when a browser vouches that our own page sent the
 * request, or for a read without any such word (its answer stays unreadable to foreign pages).
 */
export function credentialsOf(request: IncomingMessage): Credentials | null {
  const method = request.method ?? 'GET'
  const proofHeader = request.headers.dpop
  const shared = {
    proof: typeof proofHeader === 'string' ? proofHeader : null,
    method,
    path: pathOf(request),
  }
  const bearer = headerToken(request)
  if (bearer !== null) return { token: bearer, viaCookie: false, ...shared }
  const cookie = cookieToken(request)
  if (cookie === null) return null
  const from = provenance(request)
  const cookieCounts = from === 'own' || (from === 'silent' && method === 'GET')
  return cookieCounts ? { token: cookie, viaCookie: true, ...shared } : null
}

/** The live session of the credentials, or why there is none. */
export async function findCaller(
  dependencies: HttpDependencies,
  request: IncomingMessage,
): Promise<{ caller: Caller | null; refusal: HoldfastError | null }> {
  const credentials = credentialsOf(request)
  if (credentials === null) return { caller: null, refusal: null }
  try {
    return { caller: await dependencies.authenticate(credentials, originOf(request)), refusal: null }
  } catch (error) {
    if (error instanceof HoldfastError) return { caller: null, refusal: error }
    throw error
  }
}

export async function requestContext(
  dependencies: HttpDependencies,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Context> {
  return {
    services: dependencies.services,
    ...(await findCaller(dependencies, request)),
    origin: originOf(request),
    setSessionCookie: (token, expiresAt) => {
      const maxAgeSeconds = (expiresAt - dependencies.clock.now()) / 1000
      response.setHeader('Set-Cookie', sessionCookie(token, maxAgeSeconds))
    },
  }
}
