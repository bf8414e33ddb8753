/**
 * How `holdfast update install` on a machine with a package hands its bundle to the unit that installs it: a terminal that
 * is closed must not end an update in the middle.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { atomicWriteFile, ensureDir } from '../platform/files.ts'
import { BundleError } from './bundle-errors.ts'
import type { AppliancePaths } from './paths.ts'
import type { RunTool } from './tools.ts'
import type { UpdateJournal, UpdateState } from './update-state.ts'
import type { Updater } from './updater.ts'

const updateUnit = 'holdfast-update.service'
const watchingUnit = 'holdfast-update.path'
const lookEveryMs = 500
/** Reading, dpkg, a trial to its end, and going back. */
const patienceMs = 40 * 60_000

const queuedSchema = z.strictObject({
  file: z.string().min(1).max(4096),
  by: z.string().min(1).max(200),
  again: z.boolean(),
  allowPause: z.boolean(),
})
export type Queued = z.infer<typeof queuedSchema>

const queueFile = (paths: AppliancePaths) => join(paths.update, 'queued.json')

/** Asks the unit to install a bundle, and follows it. @returns how it ended @throws ToolError */
export async function queueInstall(
  queued: Queued,
  options: { paths: AppliancePaths; journal: UpdateJournal; run: RunTool; say: (line: string) => void },
): Promise<UpdateState> {
  const { paths, journal, run, say } = options
  const before = journal.current()
  if (existsSync(queueFile(paths)))
    throw new BundleError(
      'busy',
      'Another update is being installed: wait, and look at holdfast update status.',
    )
  await ensureDir(paths.update, 0o755)
  await atomicWriteFile(queueFile(paths), JSON.stringify(queuedSchema.parse(queued)))
  // It starts the unit, also when that is just ending.
  await run('systemctl', ['start', watchingUnit])
  let seen = before?.at ?? 0
  const deadline = performance.now() + patienceMs
  while (performance.now() < deadline) {
    for (const state of journal.history().filter(({ at }) => at > seen)) {
      seen = state.at
      if (!['installed', 'trial'].includes(state.phase)) return state
      say(`UPDATE-${state.phase.toUpperCase()} ${state.from} to ${state.to}`)
    }
    await sleep(lookEveryMs)
  }
  throw new BundleError(
    'busy',
    `The update has not ended: see holdfast update status and journalctl -u ${updateUnit}.`,
  )
}

/** Called by the unit. @throws what the update throws; the request is gone in any case */
export async function serveQueue(paths: AppliancePaths, updater: Updater): Promise<void> {
  const file = queueFile(paths)
  if (!existsSync(file)) return
  const text = readFileSync(file, 'utf8')
  try {
    const { file: bundle, by, ...options } = queuedSchema.parse(JSON.parse(text))
    await updater.install(bundle, by, options)
  } finally {
    rmSync(file, { force: true })
  }
}

/** What was asked for is done: the program that did it did not live to say so. */
export function dropQueue(paths: AppliancePaths): void {
  rmSync(queueFile(paths), { force: true })
}
