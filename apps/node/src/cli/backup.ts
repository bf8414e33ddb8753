import type { BackupStatus } from '@holdfast/api/backup-services'
import { type BackupSchedule, backupKeep, backupScheduleSchema } from '@holdfast/api/contract/backup-inputs'
import { Command, InvalidArgumentError } from 'commander'
import { integer, oneOf } from './arguments.ts'
import { backupKeyCommand } from './backup-key.ts'
import { restoreCommand, verifyCommand } from './backup-restore.ts'
import { scheduleText } from './backup-text.ts'
import { isGone, type NodeFlags, nodeCommand, openNode } from './cluster-common.ts'
import { CommandError } from './errors.ts'
import {
  age,
  bytes,
  count,
  dateTime,
  facts,
  note,
  print,
  printable,
  printJson,
  printRows,
  red,
} from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'

const pollMs = 500

export function backupCommand(): Command {
  return new Command('backup')
    .addCommand(backupKeyCommand())
    .addCommand(
      nodeCommand('create')
        .description('Make a backup of the running node that is asked, into its own folder of backups.')
        .action(create),
    )
    .addCommand(
      nodeCommand('list')
        .description('List the backups in the folder of the node that is asked.')
        .action(list),
    )
    .addCommand(
      nodeCommand('status')
        .description('Show the schedule, the newest backups, and when one was last proven.')
        .action(status),
    )
    .addCommand(
      remoteCommand('schedule')
        .description('Choose when backups are made by themselves, by which nodes, and how many are kept.')
        .argument(
          '[when]',
          'off, HH:MM (every day, local time of the node), or 6h (every six hours)',
          schedule,
        )
        .option('--nodes <which>', 'leader: one node; all: every node for itself', oneOf(['leader', 'all']))
        .option('--keep <n>', 'newest backups of a node to keep', integer(backupKeep.least, backupKeep.most))
        .action(configure),
    )
    .addCommand(verifyCommand())
    .addCommand(restoreCommand())
}

function schedule(text: string): BackupSchedule {
  const every = /^(\d{1,3})h$/.exec(text)?.[1]
  const value =
    text === 'off'
      ? { kind: 'off' }
      : every !== undefined
        ? { kind: 'hours', every: Number(every) }
        : { kind: 'daily', at: text }
  const parsed = backupScheduleSchema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new InvalidArgumentError('Write off, a time such as 02:30, or hours from 1h to 168h.')
}

async function create(flags: NodeFlags): Promise<void> {
  await using remote = await openNode(flags)
  const { api } = remote
  const { startedAt } = await api.backups.create.mutate()
  let said = ''
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, pollMs))
    let now: BackupStatus
    try {
      now = await api.backups.status.query()
    } catch (error) {
      if (!isGone(error)) throw error
      throw new CommandError('The node went away while it made the backup; look with: holdfast backup list', {
        cause: error,
      })
    }
    if (now.running?.startedAt === startedAt) {
      const { step, doneBytes, totalBytes } = now.running
      const done = totalBytes === 0 ? '' : ` ${Math.floor((doneBytes / totalBytes) * 100)} %`
      const line = step === 'copying' ? 'copying the database…' : `writing…${done}`
      if (line !== said && !flags.json) note(line)
      said = line
      continue
    }
    if (now.failure !== null && now.failure.at >= startedAt) throw new CommandError(now.failure.message)
    const { files } = await api.backups.list.query()
    const made = files.find((file) => file.createdAt >= startedAt)
    if (made === undefined)
      throw new CommandError(`The backup is not in ${now.folder}; the node's log says why.`)
    if (flags.json) return printJson({ ...made, folder: now.folder })
    print(`${now.folder}/${made.file}`)
    print(
      `${bytes(made.bytes)}, up to entry ${made.index} of the log. Copy it away, and prove it: holdfast backup verify FILE --key-file KEY`,
    )
    return
  }
}

async function list(flags: NodeFlags): Promise<void> {
  await using remote = await openNode(flags)
  const { folder, files, leftOut } = await remote.api.backups.list.query()
  printRows(files, {
    json: flags.json,
    columns: [
      { title: 'file', value: (row) => row.file },
      { title: 'node', value: (row) => row.nodeName },
      { title: 'age', value: (row) => (row.createdAt === 0 ? null : age(row.createdAt)), right: true },
      { title: 'size', value: (row) => bytes(row.bytes), right: true },
      { title: 'index', value: (row) => row.index, right: true },
      {
        title: 'proven',
        value: (row) => row.problem ?? (row.provenAt === null ? 'never' : `${age(row.provenAt)} ago`),
      },
    ],
    empty: `There is no backup in ${folder}.`,
  })
  if (leftOut > 0) note(`${count(leftOut, 'file')} more in ${folder}.`)
}

async function status(flags: NodeFlags): Promise<void> {
  await using remote = await openNode(flags)
  const view = await remote.api.backups.status.query()
  if (flags.json) return printJson(view)
  const { settings } = view
  const [newest] = view.last
  const lines = facts([
    ['Recovery key', settings.recipient ?? 'none; make one: holdfast backup key create'],
    ['Schedule', scheduleText(settings.schedule)],
    ['Made by', settings.nodes === 'leader' ? 'one node (the leader)' : 'every node'],
    ['Kept', settings.keep],
    ['Folder', view.folder],
    [
      'Newest',
      newest === undefined ? 'never' : `${age(newest.at)} ago on ${newest.nodeName}, ${newest.file}`,
    ],
    ['Next', view.nextAt === null ? null : dateTime(view.nextAt)],
    ['Last proven', view.proven === null ? 'never' : `${age(view.proven.at)} ago, ${view.proven.file}`],
  ])
  for (const line of lines) print(line)
  if (view.running !== null) print(`A backup is being made (${view.running.step}).`)
  if (view.failure !== null)
    print(red(`Failed ${age(view.failure.at)} ago: ${printable(view.failure.message)}`))
}

async function configure(
  when: BackupSchedule | undefined,
  flags: RemoteFlags & { nodes?: 'leader' | 'all'; keep?: number },
): Promise<void> {
  await using remote = await openRemote(flags)
  const { settings } = await remote.api.backups.status.query()
  const change = {
    ...(when === undefined ? {} : { schedule: when }),
    ...(flags.nodes === undefined ? {} : { nodes: flags.nodes }),
    ...(flags.keep === undefined ? {} : { keep: flags.keep }),
  }
  const now =
    Object.keys(change).length === 0
      ? settings
      : await remote.api.backups.configure.mutate({ version: settings.version, ...change })
  if (flags.json) return printJson(now)
  const by = now.nodes === 'leader' ? 'one node (the leader)' : 'every node'
  print(`Backups: ${scheduleText(now.schedule)}, by ${by}, the newest ${now.keep} are kept.`)
}
