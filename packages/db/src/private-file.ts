import { closeSync, openSync } from 'node:fs'
import { errorCode } from './errors.ts'

/**
 * Makes a missing file, empty and readable for its owner only; SQLite gives its -wal and -shm files the same mode.
 *
 * An existing file is not opened: closing any descriptor of it would drop the POSIX locks that SQLite holds on it in
 * this process.
 */
export function createPrivately(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  }
}
