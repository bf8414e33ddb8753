import type { ErrorCode } from '../contract/errors.ts'
import { closeCodes } from '../contract/protocol.ts'
import { ConnectionStoppedError, isErrorCode, isFinal, UnreachableError } from './errors.ts'

/** A refusal in an `error` frame: final, or one that passes. */
export function refusalOf(code: ErrorCode, message: string): Error {
  const known = isErrorCode(code) ? code : 'internal'
  return isFinal(known) ? new ConnectionStoppedError(known, message) : new UnreachableError(message)
}

/** What a closed socket means. `said` is the node's last word, which says more than the close code that follows it. */
export function closeReason(
  url: string,
  event: { code: number; reason: string },
  said: string | undefined,
): Error {
  const { code, reason } = event
  if (code === closeCodes.revoked)
    return new ConnectionStoppedError('session-ended', said ?? (reason || 'Your access was revoked.'))
  if (code === closeCodes.unauthenticated)
    return new ConnectionStoppedError('unauthenticated', said ?? (reason || 'Sign in again.'))
  if (code === closeCodes.tooLarge || code === closeCodes.badFrame)
    return new ConnectionStoppedError(
      code === closeCodes.tooLarge ? 'too-large' : 'bad-request',
      said ?? `The node refused what this program sent (${reason || code}).`,
    )
  return new UnreachableError(said ?? `${url} closed the connection (${reason || code}).`)
}

export function messageOf(cause: unknown): string {
  if (typeof cause === 'object' && cause !== null && 'message' in cause && typeof cause.message === 'string')
    return cause.message
  return typeof cause === 'string' ? cause : 'unknown reason'
}
