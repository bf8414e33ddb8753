/** A setting, or a file that a setting names, is wrong. The message is one line: which, what is wrong, what to do. */
export class ConfigError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ConfigError'
  }
}
