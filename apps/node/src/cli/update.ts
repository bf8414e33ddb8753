import { Command } from 'commander'
import type { PreflightFinding } from '../appliance/preflight.ts'
import type { Updater } from '../appliance/updater.ts'
import { facts, green, note, print, printable, printJson, printRows, red } from './output.ts'
import { exitCodes } from './run.ts'

interface Flags {
  json?: boolean
  again?: boolean
  by?: string
}

export function updateCommand(): Command {
  const command = new Command('update').addHelpText(
    'after',
    '\nRuns on the appliance, as root. A bundle is one signed file from the vendor: docs/operating/update.md.',
  )
  command
    .command('check')
    .description('read and check a bundle and this machine, and change nothing')
    .argument('<bundle>', 'file of the bundle')
    .option('--json', 'print one JSON value')
    .action(check)
  command
    .command('install')
    .description('install a bundle and restart the machine; a version that is not healthy is taken back')
    .argument('<bundle>', 'file of the bundle')
    .option('--again', 'also when this bundle was taken back before')
    .option('--by <who>', 'who asked for it, for the audit log')
    .action(install)
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
  return command
}

async function makeUpdater(): Promise<Updater> {
  const { appliancePaths } = await import('../appliance/paths.ts')
  const { LocalNode } = await import('../appliance/local-node.ts')
  const { reboot, Slots } = await import('../appliance/rauc.ts')
  const { runTool } = await import('../appliance/tools.ts')
  const { UpdateJournal } = await import('../appliance/update-state.ts')
  const { Updater } = await import('../appliance/updater.ts')
  const paths = appliancePaths()
  return new Updater({
    paths,
    node: new LocalNode(paths),
    slots: new Slots(),
    journal: new UpdateJournal(paths.update),
    run: runTool,
    reboot,
    say: note,
  })
}

const words = { ok: green('ok  '), warn: 'warn', stop: red('STOP') } as const

async function check(file: string, flags: Flags): Promise<void> {
  const { bundle, findings } = await (await makeUpdater()).check(file)
  if (findings.some((finding) => finding.level === 'stop')) process.exitCode = exitCodes.refused
  if (flags.json)
    return printJson({ version: bundle.version, id: bundle.id, contents: bundle.contents, findings })
  print(`Holdfast ${bundle.version} of ${bundle.contents.date.slice(0, 10)}, signed by the vendor, whole.`)
  for (const finding of findings) show(finding)
}

function show({ check: what, level, found, mend }: PreflightFinding): void {
  print(`${words[level]}  ${what}: ${printable(found)}`)
  if (mend !== null) print(`        ${printable(mend)}`)
}

async function install(file: string, flags: Flags): Promise<void> {
  await (await makeUpdater()).install(file, flags.by ?? 'command line', { again: flags.again === true })
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
  const { appliancePaths } = await import('../appliance/paths.ts')
  const { installFromFolder } = await import('../appliance/update-request.ts')
  const { UpdateJournal } = await import('../appliance/update-state.ts')
  const paths = appliancePaths()
  const journal = new UpdateJournal(paths.update)
  await installFromFolder(folder, { paths, updater: await makeUpdater(), journal, say: note })
}

async function requested(): Promise<void> {
  const { appliancePaths } = await import('../appliance/paths.ts')
  const { serveRequest } = await import('../appliance/update-request.ts')
  await serveRequest(appliancePaths(), await makeUpdater())
}
