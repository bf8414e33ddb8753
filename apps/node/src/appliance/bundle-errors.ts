/** Why a bundle is not taken; each message says what to do. */
export type BundleFault =
  | 'unreadable'
  | 'not-a-bundle'
  | 'truncated'
  | 'no-release-root'
  | 'foreign-signature'
  | 'altered'
  | 'wrong-machine'
  | 'older-version'
  | 'version-path'
  | 'preflight'
  | 'busy'
  | 'taken-back-before'

export class BundleError extends Error {
  readonly fault: BundleFault

  constructor(fault: BundleFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'BundleError'
    this.fault = fault
  }
}
