/** Every refusal that a client can see, and its HTTP status. The code is stable; the message is for people. */
export const errorStatus = {
  'bad-request': 400,
  'too-large': 413,
  unauthenticated: 401,
  'wrong-credentials': 401,
  'locked-out': 429,
  'rate-limited': 429,
  'device-pending': 403,
  'device-revoked': 403,
  'device-required': 403,
  'proof-invalid': 401,
  'session-ended': 401,
  'must-change-password': 403,
  forbidden: 403,
  'not-found': 404,
  'name-taken': 409,
  conflict: 409,
  'already-set-up': 409,
  'wrong-code': 403,
  'weak-password': 400,
  'not-member': 403,
  'channel-archived': 409,
  'too-many': 429,
  busy: 503,
  'disk-full': 507,
  'read-only': 503,
  'no-quorum': 503,
  'shutting-down': 503,
  internal: 500,
} as const

export type ErrorCode = keyof typeof errorStatus

/** The one error that services and the state machine raise; the edge maps it to frames, tRPC and HTTP. */
export class HoldfastError extends Error {
  readonly code: ErrorCode
  /** After how many milliseconds the same call may succeed; null when waiting does not help or is not known. */
  readonly retryAfterMs: number | null
  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { retryAfterMs?: number }) {
    super(message, options)
    this.name = 'HoldfastError'
    this.code = code
    this.retryAfterMs = options?.retryAfterMs ?? null
  }
}
