/** Proves a backup: does with it all that restoring does, in a folder of its own that is thrown away, and serves nobody. */
import { readdirSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type PreparedNode, prepareNode } from './prepare.ts'
import type { RecoveryKey } from './recovery-key.ts'

const prefix = 'holdfast-verify-'

/**
 * @param workFolder where the decrypted copy lies meanwhile
 * @throws as `prepareNode`
 */
export async function proveBackup(options: {
  file: string
  key: RecoveryKey
  workFolder: string
  say?: (step: string) => void
}): Promise<PreparedNode> {
  const work = resolve(options.workFolder)
  sweepDead(work)
  const folder = await mkdtemp(join(work, `${prefix}${process.pid}-`))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  const onSignal = (signal: NodeJS.Signals) => {
    remove()
    process.exit(signal === 'SIGINT' ? 130 : 143)
  }
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  try {
    return await prepareNode({ ...options, folder })
  } finally {
    remove()
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

/** Removes decrypted copies of checks that were killed. */
function sweepDead(work: string): void {
  for (const name of readdirSync(work)) {
    const pid = /^holdfast-verify-(\d+)-/.exec(name)?.[1]
    if (pid === undefined || isAlive(Number(pid))) continue
    try {
      rmSync(join(work, name), { recursive: true, force: true })
    } catch {
      // It is of another user, who removes it himself.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
