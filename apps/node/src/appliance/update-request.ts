/** How the daemon, which may change nothing on the machine, asks root to install what was uploaded to it. */
import { constants, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { atomicWriteFile } from '../platform/files.ts'
import { readBundle } from './bundle.ts'
import { BundleError } from './bundle-errors.ts'
import type { AppliancePaths } from './paths.ts'
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

/**
 * Called by root. The bundle is copied first: the daemon could change its own file between the check and the writing.
 * @throws what the update throws; request and upload are gone in any case
 */
export async function serveRequest(paths: AppliancePaths, updater: Updater): Promise<void> {
  const asked = join(paths.uploads, requestFile)
  const upload = join(paths.uploads, uploadedFile)
  const copy = join(paths.update, 'incoming.raucb')
  try {
    const { by, ...options } = requestSchema.parse(
      JSON.parse(await readFile(asked, { encoding: 'utf8', flag: itself })),
    )
    rmSync(asked)
    mkdirSync(paths.update, { recursive: true })
    await takeUpload(upload, copy)
    rmSync(upload)
    await updater.install(copy, by, options)
  } finally {
    for (const file of [asked, upload, copy]) rmSync(file, { force: true })
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
      const bundle = await readBundle(file, paths.releaseRoot)
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
  if (newest) await updater.install(newest.file, 'USB stick', { again: false, allowPause: false })
}

/** The daemon owns the folder: what is opened must be the file itself, and nobody but root reads the copy. */
async function takeUpload(upload: string, copy: string): Promise<void> {
  try {
    await using from = await open(upload, itself)
    if (!(await from.stat()).isFile()) throw new Error('it is no file')
    rmSync(copy, { force: true })
    await using to = await open(copy, 'wx', ownerOnly)
    const chunk = Buffer.alloc(copyBytes)
    for (let read = -1; read !== 0; ) {
      read = (await from.read(chunk, 0, copyBytes)).bytesRead
      await to.writeFile(chunk.subarray(0, read))
    }
    await to.sync()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw error
    throw new BundleError(
      'unreadable',
      'An update was asked for and no bundle was uploaded: upload it again.',
      { cause: error },
    )
  }
}
