/** Updates of a container, which somebody else replaces: what this node can tell of them. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { atomicWriteFile, ensureDir } from '../platform/files.ts'
import type { Bundle } from './bundle.ts'
import { BundleError } from './bundle-errors.ts'
import type { AppliancePaths } from './paths.ts'
import { versionPath } from './preflight.ts'
import { readRelease } from './release.ts'
import { UpdateJournal } from './update-state.ts'

const versionFile = 'version'

/** The image refuses a step that its successor would not survive; any other program only takes parts out. @throws BundleError */
export function refuseStep(bundle: Bundle, paths: AppliancePaths): void {
  const release = readRelease(paths)
  if (release.kind !== 'container') return
  const { level, found, mend } = versionPath(bundle, { release, others: [] })
  if (level === 'stop') throw new BundleError('version-path', `${found} ${mend ?? ''}`.trim())
}

/**
 * Run inside a node's container, a refusal goes into the history, and by it into the audit log.
 * @param folder the node's own, if there is one
 */
export async function noteRefusal(
  paths: AppliancePaths,
  folder: string | undefined,
  error: unknown,
): Promise<void> {
  // Without a certificate nothing was judged: what is told would be of no bundle at all.
  if (!(error instanceof BundleError) || error.fault === 'no-release-root') return
  if (folder === undefined || !existsSync(join(folder, 'cluster.db'))) return
  await new UpdateJournal(paths.update).enter({
    ...{
      id: '',
      phase: 'refused',
      from: readRelease(paths).version,
      to: 'unknown',
      slot: null,
      snapshot: null,
    },
    reason: error.message.slice(0, 2000),
    by: 'command line',
  })
}

/**
 * Notes that another version runs than at the last start.
 * @param folder the node's own, which outlives the container
 */
export async function noteVersion(paths: AppliancePaths, folder: string): Promise<void> {
  const { kind, version } = readRelease(paths)
  if (kind !== 'container') return
  await ensureDir(folder)
  const file = join(folder, versionFile)
  const before = existsSync(file) ? readFileSync(file, 'utf8').trim() : null
  if (before === version) return
  if (before !== null)
    await new UpdateJournal(paths.update).enter({
      ...{ id: '', phase: 'confirmed', from: before, to: version, slot: null, snapshot: null, reason: null },
      by: 'a new container',
    })
  await atomicWriteFile(file, `${version}\n`)
}
