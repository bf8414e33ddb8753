import { initTRPC, TRPCError } from '@trpc/server'
import { type ErrorCode, errorStatus, HoldfastError } from '../contract/errors.ts'
import { type Action, allowed, beforePasswordChange } from '../contract/policy.ts'
import type { Caller, Origin, Services } from '../services.ts'

export interface Context {
  services: Services
  /** The live session of this request; null without one. */
  caller: Caller | null
  /** Why there is no caller although the request brought credentials. */
  refusal: HoldfastError | null
  origin: Origin
  /** Sets or clears the session cookie on the answer. */
  setSessionCookie(token: string | null, expiresAt: number): void
}

const trpcCodes: Record<number, TRPCError['code']> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  413: 'PAYLOAD_TOO_LARGE',
  429: 'TOO_MANY_REQUESTS',
  503: 'SERVICE_UNAVAILABLE',
}

/** The one map from our errors to tRPC's. */
export function toTrpcError(error: HoldfastError): TRPCError {
  return new TRPCError({
    code: trpcCodes[errorStatus[error.code]] ?? 'INTERNAL_SERVER_ERROR',
    message: error.message,
    cause: error,
  })
}

const t = initTRPC.context<Context>().create({
  // Subscriptions go over the WebSocket, which looks at its session again and again; a stream over HTTP would not.
  sse: { enabled: false },
  errorFormatter({ shape, error }) {
    const cause = error.cause
    const ours = cause instanceof HoldfastError ? cause : null
    const code: ErrorCode =
      ours?.code ??
      (error.code === 'BAD_REQUEST'
        ? 'bad-request'
        : error.code === 'NOT_FOUND'
          ? 'not-found'
          : error.code === 'PAYLOAD_TOO_LARGE'
            ? 'too-large'
            : shape.data.httpStatus < 500
              ? 'bad-request'
              : 'internal')
    const issues =
      !ours && cause && 'issues' in cause ? (cause.issues as { path: PropertyKey[]; message: string }[]) : []
    const message = ours
      ? ours.message
      : issues.length > 0
        ? issues
            .map((i) => (i.path.length > 0 ? `${i.path.join('.')}: ${i.message}` : i.message))
            .join('; ')
            .slice(0, 500)
        : code === 'internal'
          ? 'The node could not do this; its log says why.'
          : error.message
    return {
      ...shape,
      message,
      data: {
        code: shape.data.code,
        httpStatus: shape.data.httpStatus,
        path: shape.data.path,
        holdfast: code,
        retryAfterMs: ours?.retryAfterMs ?? null,
      },
    }
  },
})

export const router = t.router
export const createCallerFactory = t.createCallerFactory

/** Every procedure passes here: its action must stand in the policy table and the caller's role must be in its row. */
const guarded = t.procedure.use(async ({ ctx, path, next }) => {
  if (!allowed(path, ctx.caller?.role ?? null)) {
    if (ctx.caller === null)
      throw toTrpcError(ctx.refusal ?? new HoldfastError('unauthenticated', 'Sign in first.'))
    ctx.services.security.refused(ctx.caller, path)
    throw toTrpcError(
      new HoldfastError('forbidden', `Your role (${ctx.caller.role}) may not do this (${path}).`),
    )
  }
  if (ctx.caller?.mustChange && !beforePasswordChange.has(path) && !allowed(path, null))
    throw toTrpcError(mustChangePassword())
  const result = await next()
  if (!result.ok && result.error.cause instanceof HoldfastError) throw toTrpcError(result.error.cause)
  return result
})

const mustChangePassword = () =>
  new HoldfastError('must-change-password', 'Your password was set by somebody else; choose your own first.')

/** A procedure that the policy table declares public. */
export const open = guarded
/** A procedure with a caller. */
export const procedure = guarded.use(({ ctx, next }) => {
  if (ctx.caller === null)
    throw toTrpcError(ctx.refusal ?? new HoldfastError('unauthenticated', 'Sign in first.'))
  return next({ ctx: { ...ctx, caller: ctx.caller } })
})

export type { Action }
