/** What an update refuses on this machine, in the words of a command line. */
import { BundleError } from '../appliance/bundle-errors.ts'
import { noCertificateBecause } from '../appliance/bundle-file.ts'
import type { Release } from '../appliance/release.ts'
import { CommandError } from './errors.ts'

/** @param installs what this machine installs; elsewhere nothing is, whoever asks @throws CommandError */
export function mustBeRoot(installs: 'image' | 'deb' | null, userId: number | undefined): void {
  if (installs !== null && userId !== 0)
    throw new CommandError('Installing an update needs root: run the command again with sudo.')
}

/** What to throw in place of what a check threw. */
export function checkRefusal(error: unknown, kind: Release['kind']): unknown {
  if (error instanceof BundleError && error.fault === 'no-release-root' && kind === 'program')
    return new BundleError(
      error.fault,
      'A checkout has no certificate of a vendor, and installs no bundles. To check one and take parts out of it: holdfast update unpack FILE --to FOLDER --release-root CERTIFICATE, with that of the vendor.',
      { cause: error },
    )
  const { code, path } = (error ?? {}) as NodeJS.ErrnoException
  if (code === 'EACCES' && path !== undefined)
    return new CommandError(`This user may not read ${path}: run the command again with sudo.`, {
      cause: error,
    })
  return error
}

/** What to throw in place of what unpacking threw. @param given the file of `--release-root` */
export function unpackRefusal(error: unknown, given: string | undefined): unknown {
  if (!(error instanceof BundleError) || error.fault !== 'no-release-root') return error
  const message =
    given === undefined
      ? 'This program has no certificate of a vendor, so that no bundle can be trusted: name the one of the vendor, release-ca.pem, with --release-root.'
      : `--release-root ${given}: ${noCertificateBecause(error.cause)}. Give the certificate of the vendor, release-ca.pem.`
  return new BundleError(error.fault, message, { cause: error })
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'the folder around it is not there, or takes no folders',
  ENOTDIR: 'a part of its path is a file',
  EEXIST: 'a file has its name',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'it is on a disk that cannot be written',
  EISDIR: 'a folder has its name',
  ERR_FS_EISDIR: 'a folder has its name',
}

/** What to throw when a file or folder for the parts of a bundle could not be made. */
export function writeRefusal(error: unknown, path: string): unknown {
  const reason = reasons[(error as NodeJS.ErrnoException).code ?? '']
  if (reason === undefined) return error
  return new CommandError(`${path} cannot be made: ${reason}. Give another folder with --to.`, {
    cause: error,
  })
}
