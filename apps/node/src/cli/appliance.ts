import { Command } from 'commander'
import { readEnvironment } from '../config/env.ts'
import { say } from './output.ts'
import { exitCodes } from './run.ts'

export function applianceCommand(): Command {
  const command = new Command('appliance').addHelpText(
    'after',
    '\nWhat the units of the appliance run, as root. On any other machine they have nothing to do.',
  )
  command
    .command('prepare')
    .description(
      'make the data ready for this version, before the daemon: settle an update, set up unattended',
    )
    .action(prepare)
  command
    .command('join')
    .description('have the node join the cluster whose code a set-up brought; ask again while it cannot')
    .action(join)
  command
    .command('health')
    .description('confirm the running version once it is healthy, or go back to the one before')
    .action(health)
  command
    .command('console')
    .argument('<terminals...>', 'devices of the terminals, such as /dev/tty1')
    .description('show state, address, fingerprint and code on terminals, with a menu')
    .action(showConsole)
  return command
}

async function prepare(): Promise<void> {
  const { appliancePaths } = await import('../appliance/paths.ts')
  const { prepareMachine } = await import('../appliance/prepare.ts')
  const { credentials } = readEnvironment()
  await prepareMachine({ paths: appliancePaths(), credentials, say })
}

async function join(): Promise<void> {
  const { appliancePaths } = await import('../appliance/paths.ts')
  const { joinUnattended } = await import('../appliance/join-unattended.ts')
  const { LocalNode } = await import('../appliance/local-node.ts')
  const { isProvisional, lanAddresses } = await import('../cluster/addresses.ts')
  const paths = appliancePaths()
  const joined = await joinUnattended({
    paths,
    node: new LocalNode(paths),
    // DHCP may be slower than the machine's own invention, which no other node is told.
    addresses: () => lanAddresses().filter((address) => !isProvisional(address)),
    say,
  })
  if (joined === false) process.exitCode = exitCodes.refused
}

async function health(): Promise<void> {
  const { appliancePaths } = await import('../appliance/paths.ts')
  const { decideHealth, openPort } = await import('../appliance/health.ts')
  const { appliancePort, LocalNode } = await import('../appliance/local-node.ts')
  const { reboot, Slots } = await import('../appliance/rauc.ts')
  const { runningSlot } = await import('../appliance/release.ts')
  const { runTool } = await import('../appliance/tools.ts')
  const { UpdateJournal } = await import('../appliance/update-state.ts')
  const paths = appliancePaths()
  const healthy = await decideHealth({
    node: new LocalNode(paths),
    slots: new Slots(),
    journal: new UpdateJournal(paths.update),
    slot: runningSlot(paths),
    open: () => openPort(runTool, appliancePort),
    reboot,
    say,
  })
  if (!healthy) process.exitCode = exitCodes.refused
}

async function showConsole(terminals: string[]): Promise<void> {
  const { runConsole } = await import('../appliance/console.ts')
  await runConsole(terminals)
}
