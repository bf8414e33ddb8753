export type TrustFault =
  | 'exists'
  | 'missing'
  | 'unreadable'
  | 'unwritable'
  | 'open-to-others'
  | 'malformed'
  | 'mismatch'
  | 'not-issued-here'
  | 'not-yet-valid'
  | 'expired'

/** A file with a secret or a certificate that cannot be used; the message is one line that says how to mend it. */
export class TrustFileError extends Error {
  readonly fault: TrustFault
  /** Absolute path. */
  readonly file: string
  constructor(fault: TrustFault, file: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'TrustFileError'
    this.fault = fault
    this.file = file
  }
}
