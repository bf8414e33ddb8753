import { type ErrorCode, HoldfastError } from '@holdfast/api/contract/errors'
import { TRPCClientError } from '@trpc/client'
import { isStaleBuild, staleBuildText } from './stale-build.ts'

/** What the UI shows when a call fails. */
export interface Failure {
  /** `unreachable`: no answer came from the node. */
  code: ErrorCode | 'unreachable'
  title: string
  /** What happened and how to mend it. */
  text: string
  /** Milliseconds until it is worth trying again; null when the node did not say. */
  retryAfterMs: number | null
}

/** The one map from error codes to headings; the sentence itself comes from the node, which knows the particulars. */
export const errorTitles: Record<ErrorCode | 'unreachable', string> = {
  'bad-request': 'Check what you entered',
  'too-large': 'Too large',
  unauthenticated: 'You are not signed in',
  'wrong-credentials': 'The name or password is wrong',
  'locked-out': 'Too many attempts',
  'rate-limited': 'Too many requests',
  'device-pending': 'This device waits for approval',
  'device-revoked': 'This device was revoked',
  'device-required': 'An approved device is needed',
  'proof-invalid': 'The device could not prove its key',
  'session-ended': 'Your session has ended',
  'must-change-password': 'Choose a password of your own first',
  forbidden: 'Your role does not allow this',
  'not-found': 'Not found',
  'name-taken': 'That name is taken',
  conflict: 'Somebody else changed this meanwhile',
  'already-set-up': 'This node is already set up',
  'wrong-code': 'That code is not right',
  'weak-password': 'Choose a stronger password',
  'not-member': 'You are not a member of this channel',
  'channel-archived': 'The channel is archived',
  'too-many': 'A limit is reached',
  busy: 'The node is busy',
  'disk-full': 'The node’s disk is full',
  'read-only': 'The node accepts no changes right now',
  'no-quorum': 'Nothing can be stored right now',
  'shutting-down': 'The node is shutting down',
  internal: 'The node could not do this',
  unreachable: 'The node does not answer',
}

/** Codes after which there is no session any more. */
export const signedOutCodes: ReadonlySet<string> = new Set(['unauthenticated', 'session-ended'])

const unreachableText =
  'The browser got no answer. It tries again by itself; check the network if this stays.'

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && code in errorTitles
}

/** Reads whatever was thrown as a failure to show. */
export function failureOf(error: unknown): Failure {
  // The client protocol's refusals carry the code themselves.
  if (error instanceof HoldfastError)
    return {
      code: error.code,
      title: errorTitles[error.code],
      text: error.message,
      retryAfterMs: error.retryAfterMs,
    }
  const lacking = error instanceof TRPCClientError ? error.cause : error
  if (isStaleBuild(lacking)) return { code: 'internal', ...staleBuildText, retryAfterMs: null }
  if (error instanceof TRPCClientError) {
    const data: unknown = error.data
    if (typeof data === 'object' && data !== null && 'holdfast' in data && isErrorCode(data.holdfast)) {
      const retryAfterMs =
        'retryAfterMs' in data && typeof data.retryAfterMs === 'number' ? data.retryAfterMs : null
      return { code: data.holdfast, title: errorTitles[data.holdfast], text: error.message, retryAfterMs }
    }
    return {
      code: 'unreachable',
      title: errorTitles.unreachable,
      text: unreachableText,
      retryAfterMs: null,
    }
  }
  return {
    code: 'internal',
    title: 'Something went wrong in this page',
    text: error instanceof Error ? error.message : String(error),
    retryAfterMs: null,
  }
}
