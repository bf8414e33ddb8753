import { chmod, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { randomToken } from './random.ts'

/** Nobody but the daemon's own user reads what it keeps. */
const ownerOnlyFile = 0o600
const ownerOnlyFolder = 0o700

/**
 * Replaces a file so that after a crash either the old or the new content is there, whole:
 * write beside it, fsync, rename, fsync the folder.
 *
 * @param mode permission bits of the new file
 * @throws the system's error; the target is then unchanged and nothing is left beside it
 */
export async function atomicWriteFile(
  path: string,
  data: string | Uint8Array,
  mode: number = ownerOnlyFile,
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomToken(6)}.tmp`)
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.writeFile(data)
      // The mode given to open() passes through the umask; what was asked for is what the file gets.
      await file.chmod(mode)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(dirname(path))
}

/** Makes a rename, creation or removal inside `path` survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/**
 * Makes a folder and its missing parents for the daemon's user only. A folder that is there already keeps
 * its mode: it may be a mount point or be shared on purpose.
 */
export async function ensureDir(path: string, mode: number = ownerOnlyFolder): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode })
  if (made !== undefined) await chmod(path, mode)
}
