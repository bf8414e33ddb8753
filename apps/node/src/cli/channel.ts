import { limits } from '@holdfast/api/contract/limits'
import { nameSchema } from '@holdfast/api/contract/names'
import type { ChannelDetail, ChannelView } from '@holdfast/api/services'
import { Command } from 'commander'
import { integer, matching, oneOf } from './arguments.ts'
import { UsageError } from './errors.ts'
import { age, count, facts, print, printJson, printRows } from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'
import { findChannel, findPerson, names } from './resolve.ts'

const kinds = ['group', 'open', 'announcement'] as const
const memberRoles = ['member', 'poster', 'manager'] as const

interface MemberFlags extends RemoteFlags {
  members?: string
  groups?: string
}

export function channelCommand(): Command {
  const named = (name: string, summary: string): Command =>
    remoteCommand(name).description(summary).argument('<channel>', 'a channel by name or id')
  return new Command('channel')
    .addCommand(
      remoteCommand('create')
        .description('Make a channel.')
        .argument('<name>', 'name of the channel', matching(nameSchema))
        .requiredOption('--kind <kind>', kinds.join(', '), oneOf(kinds))
        .option('--topic <text>', 'what it is about')
        .option('--members <names>', 'people, separated by commas')
        .option('--groups <names>', 'groups whose members are in it, separated by commas')
        .option(
          '--retention-days <days>',
          'remove messages after so many days',
          integer(1, limits.retentionDaysMax),
        )
        .action(create),
    )
    .addCommand(listCommand('list'))
    .addCommand(named('show', 'Show a channel and its members.').action(show))
    .addCommand(
      named('add', 'Add people and groups.')
        .argument('[names...]', 'people')
        .option('--members <names>', 'people, separated by commas')
        .option('--groups <names>', 'groups, separated by commas')
        .action((channel: string, people: string[], flags: MemberFlags) =>
          members('add', channel, people, flags),
        ),
    )
    .addCommand(
      named('remove', 'Remove people and groups.')
        .argument('[names...]', 'people')
        .option('--members <names>', 'people, separated by commas')
        .option('--groups <names>', 'groups, separated by commas')
        .action((channel: string, people: string[], flags: MemberFlags) =>
          members('remove', channel, people, flags),
        ),
    )
    .addCommand(
      named('role', 'Set what a member may do in a channel.')
        .argument('<person>', 'a member by name or id')
        .argument('<role>', memberRoles.join(', '), oneOf(memberRoles))
        .action(role),
    )
    .addCommand(
      named('archive', 'Close a channel for new messages; it stays readable.')
        .option('--undo', 'open it again')
        .action(archive),
    )
    .addCommand(named('join', 'Join an open channel.').action(join))
    .addCommand(named('leave', 'Leave a channel.').action(leave))
    .addCommand(
      named('set', 'Change name, topic or retention.')
        .option('--name <name>', 'new name')
        .option('--topic <text>', 'new topic')
        .option(
          '--retention-days <days>',
          'remove messages after so many days; 0 keeps them',
          integer(0, limits.retentionDaysMax),
        )
        .action(set),
    )
}

/** `channels` is what people type most of these. */
export function channelsCommand(): Command {
  return listCommand('channels')
}

function listCommand(name: string): Command {
  return remoteCommand(name)
    .description('List your channels and the open ones.')
    .option('--all', 'every channel that is not direct, whoever is in it')
    .option('--text <text>', 'only those with this in their name or topic')
    .action(list)
}

async function create(
  name: string,
  flags: MemberFlags & { kind: (typeof kinds)[number]; topic?: string; retentionDays?: number },
): Promise<void> {
  await using remote = await openRemote(flags)
  const view = await remote.api.channels.create.mutate({
    name,
    kind: flags.kind,
    members: names(flags.members),
    groups: names(flags.groups),
    ...(flags.topic === undefined ? {} : { topic: flags.topic }),
    ...(flags.retentionDays === undefined ? {} : { retentionDays: flags.retentionDays }),
  })
  if (flags.json) printJson(view)
  else
    print(
      `Made the ${view.kind} channel ${view.title} (${view.id}) with ${count(view.memberCount, 'member')}.`,
    )
}

async function list(flags: RemoteFlags & { all?: boolean; text?: string }): Promise<void> {
  await using remote = await openRemote(flags)
  const { channels } = remote.api
  const rows: ChannelView[] = []
  for (let total = 1; rows.length < total; ) {
    const query = {
      offset: rows.length,
      limit: limits.listRows,
      ...(flags.text === undefined ? {} : { text: flags.text }),
    }
    const page = flags.all ? await channels.listAll.query(query) : await channels.list.query(query)
    if (page.rows.length === 0) break
    rows.push(...page.rows)
    total = page.total
  }
  printRows(rows, {
    json: flags.json,
    empty: 'There is no channel yet.',
    columns: [
      { title: 'name', value: (row) => (row.kind === 'direct' ? `@${row.title}` : row.title) },
      { title: 'kind', value: (row) => row.kind },
      { title: 'members', value: (row) => row.memberCount, right: true },
      { title: 'messages', value: (row) => row.head, right: true },
      { title: 'last', value: (row) => age(row.lastAt), right: true },
      { title: 'in it', value: (row) => (row.archived ? 'archived' : row.joined ? 'yes' : 'no') },
      { title: 'topic', value: (row) => row.topic },
    ],
  })
}

async function show(reference: string, flags: RemoteFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const { id } = await findChannel(remote.api, reference)
  showDetail(await remote.api.channels.get.query({ id }), flags)
}

function showDetail(view: ChannelDetail, flags: RemoteFlags): void {
  if (flags.json) {
    printJson(view)
    return
  }
  const lines = facts([
    ['Channel', `${view.title} (${view.id})`],
    ['Kind', `${view.kind}${view.archived ? ', archived' : ''}`],
    ['Topic', view.topic],
    ['Messages', `${view.head}${view.lastAt === null ? '' : `, the newest ${age(view.lastAt)} ago`}`],
    ['Retention', view.retentionDays === null ? 'kept for ever' : count(view.retentionDays, 'day')],
    ['Groups', view.groups.map((group) => group.name).join(', ')],
  ])
  for (const line of lines) print(line)
  print('')
  printRows(view.members, {
    empty: 'It has no members.',
    columns: [
      { title: 'member', value: (row) => row.name },
      { title: 'may', value: (row) => row.role },
      { title: 'by', value: (row) => row.via ?? 'name' },
      { title: 'delivered', value: (row) => row.delivered, right: true },
      { title: 'read', value: (row) => row.read, right: true },
    ],
  })
}

async function members(
  verb: 'add' | 'remove',
  channel: string,
  people: string[],
  flags: MemberFlags,
): Promise<void> {
  const change = {
    members: [...names(people.join(',')), ...names(flags.members)],
    groups: names(flags.groups),
  }
  if (change.members.length + change.groups.length === 0)
    throw new UsageError(`Say whom to ${verb}: holdfast channel ${verb} ${channel} NAME… [--groups NAMES]`)
  await using remote = await openRemote(flags)
  const { id } = await findChannel(remote.api, channel)
  const { channels } = remote.api
  const procedure = verb === 'add' ? channels.addMembers : channels.removeMembers
  const view = await procedure.mutate({ id, ...change })
  if (flags.json) printJson(view)
  else print(`${view.title} has ${count(view.memberCount, 'member')} now.`)
}

async function role(
  channel: string,
  person: string,
  memberRole: (typeof memberRoles)[number],
  flags: RemoteFlags,
): Promise<void> {
  await using remote = await openRemote(flags)
  const { api } = remote
  const [{ id }, { id: personId }] = await Promise.all([findChannel(api, channel), findPerson(api, person)])
  const view = await api.channels.setMemberRole.mutate({ id, person: personId, role: memberRole })
  if (flags.json) printJson(view)
  else print(`${person} is ${memberRole} in ${view.title} now.`)
}

async function archive(channel: string, flags: RemoteFlags & { undo?: boolean }): Promise<void> {
  await using remote = await openRemote(flags)
  const { id, title } = await findChannel(remote.api, channel, { all: true })
  const { channels } = remote.api
  await (flags.undo ? channels.unarchive : channels.archive).mutate({ id })
  if (flags.json) printJson({ id, archived: !flags.undo })
  else print(flags.undo ? `${title} takes messages again.` : `${title} is archived.`)
}

async function join(channel: string, flags: RemoteFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const { id } = await findChannel(remote.api, channel)
  const view = await remote.api.channels.join.mutate({ id })
  if (flags.json) printJson(view)
  else print(`You are in ${view.title} now.`)
}

async function leave(channel: string, flags: RemoteFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const { id, title } = await findChannel(remote.api, channel)
  await remote.api.channels.leave.mutate({ id })
  if (flags.json) printJson({ id, joined: false })
  else print(`You have left ${title}.`)
}

async function set(
  channel: string,
  flags: RemoteFlags & { name?: string; topic?: string; retentionDays?: number },
): Promise<void> {
  const { name, topic, retentionDays } = flags
  if (name === undefined && topic === undefined && retentionDays === undefined)
    throw new UsageError('Say what to change: --name, --topic or --retention-days.')
  await using remote = await openRemote(flags)
  const { id } = await findChannel(remote.api, channel, { all: true })
  const view = await remote.api.channels.update.mutate({
    id,
    ...(name === undefined ? {} : { name }),
    ...(topic === undefined ? {} : { topic }),
    ...(retentionDays === undefined ? {} : { retentionDays: retentionDays === 0 ? null : retentionDays }),
  })
  if (flags.json) printJson(view)
  else print(`${view.title} is changed.`)
}
