import { limits } from '@holdfast/api/contract/limits'
import { nameSchema } from '@holdfast/api/contract/names'
import type { GroupView } from '@holdfast/api/services'
import { Command } from 'commander'
import { matching } from './arguments.ts'
import { UsageError } from './errors.ts'
import { count, print, printJson, printRows } from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'
import { findGroup, names } from './resolve.ts'

export function groupCommand(): Command {
  const named = (name: string, summary: string): Command =>
    remoteCommand(name).description(summary).argument('<group>', 'a group by name or id')
  return new Command('group')
    .addCommand(
      remoteCommand('create')
        .description('Make a group.')
        .argument('<name>', 'name of the group', matching(nameSchema))
        .option('--description <text>', 'who is in it')
        .option('--members <names>', 'people, separated by commas')
        .action(create),
    )
    .addCommand(
      remoteCommand('list')
        .description('List groups.')
        .option('--text <text>', 'only those with this in their name')
        .action(list),
    )
    .addCommand(
      named('add', 'Add people.')
        .argument('<names...>', 'people')
        .action((group: string, people: string[], flags: RemoteFlags) =>
          members('add', group, people, flags),
        ),
    )
    .addCommand(
      named('remove', 'Remove people.')
        .argument('<names...>', 'people')
        .action((group: string, people: string[], flags: RemoteFlags) =>
          members('remove', group, people, flags),
        ),
    )
    .addCommand(
      named('delete', 'Delete a group; its people leave the channels it brought them into.').action(remove),
    )
}

async function create(
  name: string,
  flags: RemoteFlags & { description?: string; members?: string },
): Promise<void> {
  await using remote = await openRemote(flags)
  const view = await remote.api.groups.create.mutate({
    name,
    members: names(flags.members),
    ...(flags.description === undefined ? {} : { description: flags.description }),
  })
  if (flags.json) printJson(view)
  else
    print(`Made the group ${view.name} (${view.id}) with ${count(view.members.length, 'person', 'people')}.`)
}

async function list(flags: RemoteFlags & { text?: string }): Promise<void> {
  await using remote = await openRemote(flags)
  const filter = flags.text === undefined ? {} : { text: flags.text }
  const rows: GroupView[] = []
  for (let total = 1; rows.length < total; ) {
    const page = await remote.api.groups.list.query({
      ...filter,
      offset: rows.length,
      limit: limits.listRows,
    })
    if (page.rows.length === 0) break
    rows.push(...page.rows)
    total = page.total
  }
  printRows(rows, {
    json: flags.json,
    empty: 'There is no group yet.',
    columns: [
      { title: 'name', value: (row) => row.name },
      { title: 'people', value: (row) => row.members.length, right: true },
      { title: 'members', value: (row) => row.members.map((member) => member.name).join(', ') },
      { title: 'description', value: (row) => row.description },
    ],
  })
}

async function members(
  verb: 'add' | 'remove',
  group: string,
  people: string[],
  flags: RemoteFlags,
): Promise<void> {
  const list = names(people.join(','))
  if (list.length === 0) throw new UsageError(`Say whom to ${verb}: holdfast group ${verb} ${group} NAME…`)
  await using remote = await openRemote(flags)
  const { id } = await findGroup(remote.api, group)
  const { groups } = remote.api
  const view = await (verb === 'add' ? groups.addMembers : groups.removeMembers).mutate({ id, members: list })
  if (flags.json) printJson(view)
  else print(`${view.name} has ${count(view.members.length, 'person', 'people')} now.`)
}

async function remove(group: string, flags: RemoteFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const { id, name } = await findGroup(remote.api, group)
  await remote.api.groups.remove.mutate({ id })
  if (flags.json) printJson({ id, deleted: true })
  else print(`The group ${name} is deleted.`)
}
