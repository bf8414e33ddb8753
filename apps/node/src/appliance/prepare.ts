import { mkdirSync, statSync } from 'node:fs'
import { openPort } from './health.ts'
import { appliancePort } from './local-node.ts'
import type { AppliancePaths } from './paths.ts'
import { Slots } from './rauc.ts'
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
  const slot = runningSlot(paths)
  const slots = new Slots()
  const journal = new UpdateJournal(paths.update)
  const update = await settleUpdate({
    journal,
    slot,
    nodeFolder: paths.node,
    owner,
    say,
    giveUpNew: () =>
      giveUpNew(slots).catch((error: Error) =>
        say(
          `The new version could not be given up, which is tried again once the node serves: ${error.message}`,
        ),
      ),
  })
  const trial = update?.phase === 'trial' && update.slot === slot
  // Clients of a version on trial wait until it proved healthy.
  if (!trial) await openPort(runTool, appliancePort)
  await setUpUnattended({ paths, credentials, run: runTool, owner, say })
}

async function giveUpNew(slots: Slots): Promise<void> {
  // Most starts need it only later, for the health check.
  await runTool('systemctl', ['start', 'boot-efi.mount'])
  await slots.keepRunning()
  await slots.giveUpOther()
}
