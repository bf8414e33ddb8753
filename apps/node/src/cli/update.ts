import { resolve } from 'node:path'
import { Command } from 'commander'
import type { Machine } from '../appliance/machine.ts'
import { characters } from './arguments.ts'
import { facts, print, printJson, printRows, say } from './output.ts'
import { exitCodes } from './run.ts'
import { stopClusterCommand, updateClusterCommand } from './update-cluster.ts'
import { showFinding } from './update-findings.ts'
import { checkRefusal, mustBeRoot } from './update-refusals.ts'
import { unpackCommand } from './update-unpack.ts'

/** As the journal of updates takes it. */
const updateByCharacters = 200

interface Flags {
  json?: boolean
  again?: boolean
  allowPause?: boolean
  by?: string
}

export function updateCommand(): Command {
  const command = new Command('update').addHelpText(
    'after',
    '\nA bundle is one signed file from the vendor: docs/operating/update.md. Installing needs root, on the appliance or on a\nmachine with the Debian package.',
  )
  command
    .command('check')
    .description('read and check a bundle and this machine, and change nothing')
    .argument('<bundle>', 'file of the bundle')
    .option('--json', 'print one JSON value')
    .action(check)
  command
    .command('install')
    .description('install a bundle on this machine; a version that is not healthy is taken back')
    .argument('<bundle>', 'file of the bundle')
    .option('--again', 'also when this bundle was taken back before')
    .option('--allow-pause', 'also in a cluster of two, where nobody can write while this node restarts')
    .option('--by <who>', 'who asked for it, for the audit log', characters(1, updateByCharacters))
    .action(install)
  command.addCommand(updateClusterCommand())
  command.addCommand(stopClusterCommand())
  command.addCommand(unpackCommand())
  command
    .command('status')
    .description('show which version runs and what the newest update came to')
    .option('--json', 'print one JSON value')
    .action(status)
  command
    .command('history')
    .description('list what happened to updates')
    .option('--json', 'print JSON, one value per line')
    .action(history)
  command
    .command('stick')
    .description('install the newest bundle of a folder, such as a mounted stick; run by a unit')
    .argument('<folder>', 'folder with bundles')
    .action(stick)
  command
    .command('requested')
    .description('install the bundle that was uploaded to the node; run by a unit')
    .action(requested)
  command
    .command('run')
    .description('install what was asked for on a machine with the package; run by a unit')
    .action(run)
  command
    .command('settle')
    .description('after an update that was cut off, before the node starts; run by a unit')
    .action(settle)
  return command
}

async function thisMachine(): Promise<Machine> {
  const { appliancePaths } = await import('../appliance/paths.ts')
  const { machine } = await import('../appliance/machine.ts')
  return machine(appliancePaths(), say)
}

async function check(file: string, flags: Flags): Promise<void> {
  const { paths, updater } = await thisMachine()
  const { readRelease } = await import('../appliance/release.ts')
  const { bundle, findings } = await updater.check(file).catch((error: unknown) => {
    throw checkRefusal(error, readRelease(paths).kind)
  })
  if (findings.some((finding) => finding.level === 'stop')) process.exitCode = exitCodes.refused
  if (flags.json)
    return printJson({ version: bundle.version, id: bundle.id, contents: bundle.contents, findings })
  print(`Holdfast ${bundle.version} of ${bundle.contents.date.slice(0, 10)}, signed by the vendor, whole.`)
  for (const finding of findings) showFinding(finding)
}

async function install(file: string, flags: Flags): Promise<void> {
  const { paths, journal, updater } = await thisMachine()
  const { installs } = await import('../appliance/release.ts')
  mustBeRoot(installs(paths), process.getuid?.())
  const by = flags.by ?? 'command line'
  const options = { again: flags.again === true, allowPause: flags.allowPause === true }
  if (installs(paths) !== 'deb') return void (await updater.install(file, by, options))
  const { queueInstall } = await import('../appliance/package-queue.ts')
  const { runTool } = await import('../appliance/tools.ts')
  const { updateSentence } = await import('../appliance/machine-facts.ts')
  const queued = { file: resolve(file), by, ...options }
  const state = await queueInstall(queued, { paths, journal, run: runTool, say })
  print(updateSentence(state) ?? '')
  if (state.phase !== 'confirmed') process.exitCode = exitCodes.refused
}

async function status(flags: Flags): Promise<void> {
  const { appliancePaths } = await import('../appliance/paths.ts')
  const { readRelease, runningSlot } = await import('../appliance/release.ts')
  const { UpdateJournal } = await import('../appliance/update-state.ts')
  const { updateSentence } = await import('../appliance/machine-facts.ts')
  const paths = appliancePaths()
  const release = readRelease(paths)
  const slot = runningSlot(paths)
  const update = new UpdateJournal(paths.update).current()
  if (flags.json) return printJson({ release, slot, update })
  for (const line of facts([
    ['Version', release.version],
    ['Slot', slot],
    ['Newest update', updateSentence(update)],
  ]))
    print(line)
}

async function history(flags: Flags): Promise<void> {
  const { appliancePaths } = await import('../appliance/paths.ts')
  const { UpdateJournal } = await import('../appliance/update-state.ts')
  printRows(new UpdateJournal(appliancePaths().update).history(), {
    json: flags.json,
    empty: 'No update was tried on this machine.',
    columns: [
      { title: 'when', value: (row) => new Date(row.at).toISOString() },
      { title: 'what', value: (row) => row.phase },
      { title: 'from', value: (row) => row.from },
      { title: 'to', value: (row) => row.to },
      { title: 'by', value: (row) => row.by },
      { title: 'why', value: (row) => row.reason },
    ],
  })
}

async function stick(folder: string): Promise<void> {
  const { installFromFolder } = await import('../appliance/update-request.ts')
  await installFromFolder(folder, { ...(await thisMachine()), say })
}

async function requested(): Promise<void> {
  const { serveRequest } = await import('../appliance/update-request.ts')
  const { paths, updater } = await thisMachine()
  await serveRequest(paths, updater)
}

/** The units of the package; both run from a copy of the program. */
async function run(): Promise<void> {
  const { appliancePaths } = await import('../appliance/paths.ts')
  const { isProgramCopy, removeProgramCopy, runProgramCopy } = await import('../appliance/program-copy.ts')
  const paths = appliancePaths()
  if (!isProgramCopy(paths)) {
    process.exitCode = await runProgramCopy(paths, ['update', 'run'])
    return
  }
  const { BundleError } = await import('../appliance/bundle-errors.ts')
  const { packageMachine } = await import('../appliance/machine.ts')
  const { ToolError } = await import('../appliance/tools.ts')
  const { dropQueue, serveQueue } = await import('../appliance/package-queue.ts')
  const { hasRequest, serveRequest } = await import('../appliance/update-request.ts')
  const machine = packageMachine(paths, say)
  try {
    if (await machine.resume()) dropQueue(paths)
    await serveQueue(paths, machine.updater)
    if (hasRequest(paths)) await serveRequest(paths, machine.updater)
  } catch (error) {
    // The history has it; the unit is started again only to settle an update, and after what nobody thought of.
    const isTold = error instanceof BundleError || error instanceof ToolError
    if (machine.isUnderWay || !isTold) throw error
  } finally {
    // What is installed may not be whole: only the copy can settle it, also after a start of the machine.
    if (!machine.isUnderWay) removeProgramCopy(paths)
  }
}

async function settle(): Promise<void> {
  const { appliancePaths } = await import('../appliance/paths.ts')
  const { packageMachine } = await import('../appliance/machine.ts')
  await packageMachine(appliancePaths(), say).settle()
}
