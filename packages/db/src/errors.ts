/** A database file that cannot be used; the message is one line that says what happened and how to mend it. */
export class DatabaseError extends Error {
  /** Absolute path of the database or lock file. */
  readonly file: string
  constructor(file: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DatabaseError'
    this.file = file
  }
}

/** The file cannot be opened: missing, unreadable, not a database, damaged. */
export class OpenError extends DatabaseError {
  constructor(file: string, message: string, options?: ErrorOptions) {
    super(file, message, options)
    this.name = 'OpenError'
  }
}

export type MigrationFault = 'newer' | 'edited' | 'unfinished' | 'out-of-order' | 'failed' | 'busy' | 'folder'

/** The schema of the file does not fit this version and was left as it was. */
export class MigrationError extends DatabaseError {
  readonly fault: MigrationFault
  /** Name of the migration that the fault is about; empty when it is about no single one. */
  readonly migration: string
  constructor(
    fault: MigrationFault,
    about: { file: string; migration: string },
    message: string,
    options?: ErrorOptions,
  ) {
    super(about.file, message, options)
    this.name = 'MigrationError'
    this.fault = fault
    this.migration = about.migration
  }
}

/** Another daemon has the data folder. */
export class LockedError extends DatabaseError {
  /** Process id of the holder; null when the holder left no note. */
  readonly holderPid: number | null
  constructor(file: string, message: string, holderPid: number | null) {
    super(file, message)
    this.name = 'LockedError'
    this.holderPid = holderPid
  }
}

/** The code of an SQLite or system error (`SQLITE_BUSY`, `EACCES`), or the empty text. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
