import { mkdirSync, statSync } from 'node:fs'
import { applyNetwork } from './network.ts'
import type { AppliancePaths } from './paths.ts'
import { runningSlot } from './release.ts'
import { settleUpdate } from './settle-update.ts'
import { runTool } from './tools.ts'
import { setUpUnattended } from './unattended.ts'
import { UpdateJournal } from './update-state.ts'

/** What has to be right before the daemon starts. Runs as root, once per start of the machine. */
export async function prepareMachine(options: {
  paths: AppliancePaths
  credentials: string | null
  say: (line: string) => void
}): Promise<void> {
  const { paths, credentials, say } = options
  mkdirSync(paths.update, { recursive: true, mode: 0o755 })
  const { uid, gid } = statSync(paths.node)
  const owner = { uid, gid }
  await settleUpdate({
    journal: new UpdateJournal(paths.update),
    slot: runningSlot(paths),
    nodeFolder: paths.node,
    owner,
    say,
  })
  await applyNetwork(paths)
  await setUpUnattended({ paths, credentials, run: runTool, owner, say })
}
