/** How the daemon, which may change nothing on the machine, asks root to install what was uploaded to it. */
import { constants, existsSync, readdirSync, rmSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { maxBundleBytes } from '@holdfast/api/contract/update-inputs'
import * as z from 'zod'
import { atomicWriteFile, ensureDir } from '../platform/files.ts'
import { identifyBundle } from './bundle.ts'
import { BundleError } from './bundle-errors.ts'
import type { AppliancePaths } from './paths.ts'
import { freeBytesAt, mustHaveRoom } from './preflight.ts'
import { readRelease } from './release.ts'
import type { UpdateJournal } from './update-state.ts'
import type { Updater } from './updater.ts'
import { compareVersions } from './versions.ts'

export const requestFile = 'request.json'
export const uploadedFile = 'upload.raucb'

const ownerOnly = 0o600
const copyBytes = 4 * 1024 * 1024
/** How root opens what the daemon put there: no link is followed, and no pipe waited for. */
const itself = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

const requestSchema = z.strictObject({
  by: z.string().min(1).max(200),
  again: z.boolean(),
  allowPause: z.boolean(),
})
export type UpdateRequest = z.infer<typeof requestSchema>

/** Called by the daemon. */
export async function requestUpdate(paths: AppliancePaths, request: UpdateRequest): Promise<void> {
  await atomicWriteFile(join(paths.uploads, requestFile), `${JSON.stringify(requestSchema.parse(request))}\n`)
}

/** Whether the daemon has asked. */
export function hasRequest(paths: AppliancePaths): boolean {
  return existsSync(join(paths.uploads, requestFile))
}

/** There while root works on what was asked for. */
export function isBeingInstalled(paths: AppliancePaths): boolean {
  return existsSync(incoming(paths))
}

const incoming = (paths: AppliancePaths) => join(paths.update, 'incoming.raucb')

/**
 * Called by root. The bundle is copied first: the daemon could change its own file between the check and the writing.
 * @throws what the update throws; request and upload are gone in any case
 */
export async function serveRequest(paths: AppliancePaths, updater: Updater): Promise<void> {
  const asked = join(paths.uploads, requestFile)
  const upload = join(paths.uploads, uploadedFile)
  let by = 'unknown'
  try {
    let options: Omit<UpdateRequest, 'by'>
    try {
      ;({ by, ...options } = requestSchema.parse(
        JSON.parse(await readFile(asked, { encoding: 'utf8', flag: itself })),
      ))
      rmSync(asked)
      await takeCopy(upload, paths)
      rmSync(upload)
    } catch (error) {
      return await updater.refuse(error as Error, by)
    }
    await updater.install(incoming(paths), by, options)
  } finally {
    for (const file of [asked, upload, incoming(paths)]) rmSync(file, { force: true })
  }
}

/**
 * Installs the newest bundle of a folder. What runs already, and what was taken back, is passed over without a word: the
 * stick may stay in.
 */
export async function installFromFolder(
  folder: string,
  options: {
    paths: AppliancePaths
    updater: Updater
    journal: UpdateJournal
    say: (line: string) => void
  },
): Promise<void> {
  const { paths, updater, journal, say } = options
  const running = readRelease(paths).version
  const takenBack = new Set(
    journal.history().flatMap((state) => (state.phase === 'rolled-back' ? [state.id] : [])),
  )
  const found: { file: string; version: string }[] = []
  for (const name of readdirSync(folder)
    .filter((each) => each.endsWith('.raucb'))
    .sort()) {
    const file = join(folder, name)
    try {
      const bundle = await identifyBundle(file, paths.releaseRoot)
      if (bundle.version === running || takenBack.has(bundle.id))
        say(`UPDATE-PASSED ${name}: ${bundle.version} runs already, or was taken back`)
      else found.push({ file, version: bundle.version })
    } catch {
      // Installing it says what is wrong, in the journal too.
      found.push({ file, version: '0.0.0' })
    }
  }
  found.sort((a, b) => compareVersions(b.version, a.version))
  const newest = found[0]
  if (!newest) return
  const by = 'USB stick'
  try {
    // What is checked must be what is written, and a stick may answer differently the second time.
    await takeCopy(newest.file, paths).catch((error: Error) => updater.refuse(error, by))
    await updater.install(incoming(paths), by, { again: false, allowPause: false, shownAs: newest.file })
  } finally {
    rmSync(incoming(paths), { force: true })
  }
}

/** What is opened must be the file itself, and nobody but root reads the copy. @throws BundleError, the system's error */
async function takeCopy(file: string, paths: AppliancePaths): Promise<void> {
  const copy = incoming(paths)
  await ensureDir(paths.update, 0o755)
  await using from = await open(file, itself).catch((error: Error) => {
    throw nothingThere(file, paths, error)
  })
  const about = await from.stat()
  if (!about.isFile()) throw nothingThere(file, paths)
  rmSync(copy, { force: true })
  if (about.size > maxBundleBytes)
    throw new BundleError('not-a-bundle', `${file} is too large to be an update bundle of Holdfast.`)
  mustHaveRoom(about.size, freeBytesAt(paths.update))
  await using to = await open(copy, 'wx', ownerOnly)
  const chunk = Buffer.alloc(copyBytes)
  for (let left = about.size; left > 0; ) {
    const { bytesRead } = await from.read(chunk, 0, Math.min(copyBytes, left))
    if (bytesRead === 0) break
    await to.writeFile(chunk.subarray(0, bytesRead))
    left -= bytesRead
  }
  await to.sync()
}

function nothingThere(file: string, paths: AppliancePaths, cause?: Error): BundleError {
  const message =
    dirname(file) === paths.uploads
      ? 'An update was asked for and no bundle was uploaded: upload it again.'
      : `The bundle ${file} cannot be read: copy it to the stick again, or take another one.`
  return new BundleError('unreadable', message, { cause })
}
