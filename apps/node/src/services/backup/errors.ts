/** `altered`: not what was written · `cut-off`: its end is missing · `not-a-backup` · `newer` · `wrong-key` · `unsound`. */
export type BackupFault = 'altered' | 'cut-off' | 'not-a-backup' | 'newer' | 'wrong-key' | 'unsound'

/** A backup file that cannot be used; the message is one line that names the file, what is wrong, and what to do. */
export class BackupError extends Error {
  readonly fault: BackupFault
  constructor(fault: BackupFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'BackupError'
    this.fault = fault
  }
}

/** The folder or the key file that was given does not serve; nothing was changed. */
export class RestoreRefusedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'RestoreRefusedError'
  }
}
