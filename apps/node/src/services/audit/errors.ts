/** The audit files do not fit the database or their own format: nothing is written until a person has looked. */
export class AuditDamageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AuditDamageError'
  }
}
