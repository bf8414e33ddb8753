import { type ErrorCode, errorStatus, HoldfastError } from '../contract/errors.ts'

/** The connection has ended for good: by the application, or because the node said that trying again is of no use. */
export class ConnectionStoppedError extends HoldfastError {
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
    this.name = 'ConnectionStoppedError'
  }
}

/** The node could not be reached, or went away; the client tries again by itself unless told otherwise. */
export class UnreachableError extends Error {
  /** Whether a request may have been carried out all the same; false: it surely never reached the node. */
  readonly mayHaveArrived: boolean
  constructor(message: string, options?: ErrorOptions & { mayHaveArrived?: boolean }) {
    super(message, options)
    this.name = 'UnreachableError'
    this.mayHaveArrived = options?.mayHaveArrived ?? true
  }
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(errorStatus, value)
}

/** Refusals that pass: the same frame may succeed a little later. */
export function isTransient(code: ErrorCode): boolean {
  return code === 'busy' || code === 'rate-limited' || code === 'shutting-down' || code === 'no-quorum'
}

/** Refusals of a connection that trying again does not mend. */
export function isFinal(code: ErrorCode): boolean {
  const final: readonly ErrorCode[] = [
    'bad-request',
    'unauthenticated',
    'wrong-credentials',
    'device-pending',
    'device-revoked',
    'device-required',
    'proof-invalid',
    'session-ended',
    'must-change-password',
    'forbidden',
  ]
  return final.includes(code)
}
