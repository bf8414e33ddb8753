import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { BundleError } from './bundle-errors.ts'

/** A pipe is not waited for; that it is no file is seen after. */
const openFlags = constants.O_RDONLY | constants.O_NONBLOCK

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of its path is a file and no folder',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a folder',
}

/** Why a file cannot be read, in words. */
function unreadableBecause(error: NodeJS.ErrnoException): string {
  return reasons[error.code ?? ''] ?? error.message
}

/** Why a file is not taken as a certificate: the system's error, or that of the parser. */
export function noCertificateBecause(error: unknown): string {
  const { syscall } = (error ?? {}) as NodeJS.ErrnoException
  return syscall === undefined
    ? 'it is no certificate in PEM form'
    : unreadableBecause(error as NodeJS.ErrnoException)
}

/** @throws BundleError `unreadable`, with what to give in its place */
export async function openBundle(file: string): Promise<FileHandle> {
  const handle = await open(file, openFlags).catch((error: NodeJS.ErrnoException) => {
    throw new BundleError('unreadable', `The bundle ${file} cannot be read: ${unreadableBecause(error)}.`, {
      cause: error,
    })
  })
  const about = await handle.stat()
  if (about.isFile()) return handle
  await handle.close()
  const kind = about.isDirectory() ? 'a folder' : 'no file'
  throw new BundleError(
    'unreadable',
    `${file} is ${kind}: give the file of the bundle, holdfast-VERSION.raucb.`,
  )
}
