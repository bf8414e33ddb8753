import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { atomicWriteFile, ensureDir } from '../platform/files.ts'
import { TrustFileError } from './errors.ts'

const folderMode = 0o700
const othersMask = 0o077

/** Makes a folder that only its owner can enter; an existing one is narrowed to that, since it holds secrets only. */
export async function ensurePrivateFolder(folder: string): Promise<void> {
  try {
    await ensureDir(folder, folderMode)
    await chmod(folder, folderMode)
  } catch (error) {
    throw unwritable(folder, error)
  }
}

/**
 * Replaces a file that only its owner can read, whole or not at all.
 * @throws TrustFileError
 */
export async function writePrivately(file: string, text: string): Promise<void> {
  try {
    await atomicWriteFile(file, text)
  } catch (error) {
    throw unwritable(file, error)
  }
}

/**
 * The text of a secret file, or null when there is none.
 * @throws TrustFileError when it cannot be read, or when others than its owner may read it
 */
export function readPrivateText(file: string): string | null {
  let descriptor: number
  try {
    descriptor = openSync(file, 'r')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null
    throw unreadable(file, error)
  }
  try {
    // The open file is asked, not the name, which could be another file by now.
    const mode = fstatSync(descriptor).mode & 0o777
    if ((mode & othersMask) !== 0) {
      const shown = mode.toString(8).padStart(4, '0')
      throw new TrustFileError(
        'open-to-others',
        file,
        `${file} holds a secret and is open to other users (mode ${shown}): run 'chmod 600 ${file}'`,
      )
    }
    return readFileSync(descriptor, 'utf8')
  } catch (error) {
    throw error instanceof TrustFileError ? error : unreadable(file, error)
  } finally {
    closeSync(descriptor)
  }
}

function unreadable(file: string, error: unknown): TrustFileError {
  const mend = 'give it to the user that runs Holdfast'
  return new TrustFileError('unreadable', file, `${file} cannot be read (${reason(error)}): ${mend}`, {
    cause: error,
  })
}

function unwritable(file: string, error: unknown): TrustFileError {
  const mend = 'check that its folder exists, belongs to the user that runs Holdfast, and has room'
  return new TrustFileError('unwritable', file, `${file} cannot be written (${reason(error)}): ${mend}`, {
    cause: error,
  })
}

/** The system's code, such as EACCES; its full text would only repeat the path. */
function reason(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return String(error)
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
