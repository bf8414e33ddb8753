import { readFile } from 'node:fs/promises'
import { limits } from '@holdfast/api/contract/limits'
import { nameSchema } from '@holdfast/api/contract/names'
import { type Role, roles } from '@holdfast/api/contract/policy'
import type { PersonView } from '@holdfast/api/services'
import { Command } from 'commander'
import { matching, oneOf } from './arguments.ts'
import { CommandError } from './errors.ts'
import { age, dateTime, facts, note, print, printJson, printRows } from './output.ts'
import { openRemote, type Remote, type RemoteFlags, remoteCommand } from './remote.ts'
import { findPerson } from './resolve.ts'
import { ask, readNewPassword, readStdin } from './secrets.ts'

const statuses = ['active', 'suspended', 'erased'] as const

export function personCommand(): Command {
  const named = (name: string, summary: string): Command =>
    remoteCommand(name).description(summary).argument('<name>', 'a person by name or id')
  return new Command('person')
    .addCommand(
      remoteCommand('add')
        .description('Add a person. Without a password the person cannot log in until one is set.')
        .argument('<name>', 'login name', matching(nameSchema))
        .option('--display-name <name>', 'name as people see it')
        .option('--password-file <file>', 'file with the first password; - reads standard input')
        .option('--role <role>', roles.join(', '), oneOf(roles))
        .option('--service', 'a program, not a person')
        .option('--must-change', 'a new password must be chosen at the first login')
        .action(add),
    )
    .addCommand(
      remoteCommand('list')
        .description('List people.')
        .option('--text <text>', 'only those with this in their name')
        .option('--role <role>', 'only this role', oneOf(roles))
        .option('--status <status>', statuses.join(', '), oneOf(statuses))
        .action(list),
    )
    .addCommand(named('show', 'Show a person with groups, channels, devices and sessions.').action(show))
    .addCommand(
      named('suspend', 'Suspend a person: every session ends at once.').action(
        change('suspended', (api, id) => api.people.suspend.mutate({ id })),
      ),
    )
    .addCommand(
      named('resume', 'Let a suspended person in again.').action(
        change('active again', (api, id) => api.people.resume.mutate({ id })),
      ),
    )
    .addCommand(
      named('unlock', 'Lift the lock that wrong passwords have brought.').action(
        change('unlocked', (api, id) => api.people.unlock.mutate({ id })),
      ),
    )
    .addCommand(
      named('set-role', 'Set what a person may do.')
        .argument('<role>', roles.join(', '), oneOf(roles))
        .action(setRole),
    )
    .addCommand(
      named('set-password', 'Set a new password.')
        .option(
          '--password-file <file>',
          'file with the password; - reads standard input; asked for without it',
        )
        .option('--keep', 'the person need not choose another one at the next login')
        .action(setPassword),
    )
    .addCommand(
      named(
        'erase',
        'Erase a person for good: name, devices and sessions go, the messages stay without the name.',
      )
        .option('--yes', 'do not ask')
        .action(erase),
    )
    .addCommand(
      remoteCommand('import')
        .description(
          'Add people from a CSV file with the columns name, displayName, role; passwords that were made are printed once.',
        )
        .argument('<file>', 'CSV file; - reads standard input')
        .action(importCsv),
    )
}

interface AddFlags extends RemoteFlags {
  displayName?: string
  passwordFile?: string
  role?: Role
  service?: boolean
  mustChange?: boolean
}

async function add(name: string, flags: AddFlags): Promise<void> {
  const password =
    flags.passwordFile === undefined
      ? undefined
      : await readNewPassword({ file: flags.passwordFile, flag: '--password-file', prompt: '' })
  await using remote = await openRemote(flags)
  const view = await remote.api.people.add.mutate({
    name,
    kind: flags.service ? 'service' : 'person',
    mustChange: flags.mustChange === true,
    ...(flags.displayName === undefined ? {} : { displayName: flags.displayName }),
    ...(flags.role === undefined ? {} : { role: flags.role }),
    ...(password === undefined ? {} : { password }),
  })
  if (flags.json) return printJson(view)
  print(`Added ${view.name} (${view.role}, ${view.id}).`)
  if (password === undefined && view.kind === 'person')
    print(`Without a password ${view.name} cannot sign in: holdfast person set-password ${view.name}`)
}

async function list(
  flags: RemoteFlags & { text?: string; role?: Role; status?: (typeof statuses)[number] },
): Promise<void> {
  await using remote = await openRemote(flags)
  const { text, role, status } = flags
  const filter = {
    ...(text === undefined ? {} : { text }),
    ...(role === undefined ? {} : { role }),
    ...(status === undefined ? {} : { status }),
  }
  const rows: PersonView[] = []
  for (let total = 1; rows.length < total; ) {
    const page = await remote.api.people.list.query({
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
    empty: 'There is nobody like this.',
    columns: [
      { title: 'name', value: (row) => row.name },
      { title: 'shown as', value: (row) => row.displayName },
      { title: 'role', value: (row) => (row.kind === 'service' ? `${row.role}, service` : row.role) },
      { title: 'status', value: (row) => (isLocked(row) ? 'locked' : row.status) },
      { title: 'here', value: (row) => row.presence },
      { title: 'last seen', value: (row) => age(row.lastSeenAt), right: true },
    ],
  })
}

function isLocked(row: PersonView): boolean {
  return row.lockedUntil !== null && row.lockedUntil > Date.now()
}

async function show(name: string, flags: RemoteFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const { id } = await findPerson(remote.api, name)
  const view = await remote.api.people.get.query({ id })
  if (flags.json) {
    printJson(view)
    return
  }
  const lines = facts([
    ['Person', `${view.displayName} (${view.name}, ${view.id})`],
    ['Role', view.kind === 'service' ? `${view.role}, service` : view.role],
    ['Status', isLocked(view) ? `locked until ${dateTime(view.lockedUntil ?? 0)}` : view.status],
    ['Presence', presence(view)],
    ['Added', dateTime(view.createdAt)],
    ['Groups', view.groups.map((group) => group.name).join(', ')],
    ['Channels', view.channels.map((channel) => channel.name ?? 'direct').join(', ')],
    ['Devices', view.devices.map((device) => `${device.name} (${device.status})`).join(', ')],
    ['Sessions', view.sessions.length],
  ])
  for (const line of lines) print(line)
}

function presence({ presence, lastSeenAt }: { presence: string; lastSeenAt: number | null }): string {
  if (presence !== 'offline') return presence
  return lastSeenAt === null ? 'never seen' : `last seen ${age(lastSeenAt)} ago`
}

/** The commands that do one thing to one person. */
function change(
  result: string,
  act: (api: Remote['api'], id: string) => Promise<unknown>,
): (name: string, flags: RemoteFlags) => Promise<void> {
  return async (name, flags) => {
    await using remote = await openRemote(flags)
    const person = await findPerson(remote.api, name)
    await act(remote.api, person.id)
    if (flags.json) printJson(await remote.api.people.get.query({ id: person.id }))
    else print(`${person.name} is ${result}.`)
  }
}

async function setRole(name: string, role: Role, flags: RemoteFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const { id } = await findPerson(remote.api, name)
  const view = await remote.api.people.setRole.mutate({ id, role })
  if (flags.json) printJson(view)
  else print(`${view.name} is ${view.role} now.`)
}

async function setPassword(
  name: string,
  flags: RemoteFlags & { passwordFile?: string; keep?: boolean },
): Promise<void> {
  const password = await readNewPassword({
    file: flags.passwordFile,
    flag: '--password-file',
    prompt: `New password of ${name}: `,
  })
  await using remote = await openRemote(flags)
  const { id, name: known } = await findPerson(remote.api, name)
  await remote.api.people.setPassword.mutate({ id, password, mustChange: !flags.keep })
  if (flags.json) printJson({ id, mustChange: !flags.keep })
  else
    print(
      `The password of ${known} is set${flags.keep ? '' : '; another one must be chosen at the next login'}.`,
    )
}

async function erase(name: string, flags: RemoteFlags & { yes?: boolean }): Promise<void> {
  await using remote = await openRemote(flags)
  const person = await findPerson(remote.api, name)
  if (!flags.yes) {
    if (!process.stdin.isTTY)
      throw new CommandError('Erasing cannot be undone. Give --yes to do it without a question.')
    const answer = await ask(`Erase ${person.displayName} for good? Type the name ${person.name}: `)
    if (answer.trim() !== person.name) throw new CommandError('That is not the name; nobody was erased.')
  }
  await remote.api.people.erase.mutate({ id: person.id })
  if (flags.json) printJson({ id: person.id, status: 'erased' })
  else print(`${person.name} is erased.`)
}

async function importCsv(file: string, flags: RemoteFlags): Promise<void> {
  let csv: string
  try {
    csv = file === '-' ? await readStdin() : await readFile(file, 'utf8')
  } catch (cause) {
    throw new CommandError(`The file ${file} cannot be read: ${(cause as Error).message}.`, { cause })
  }
  await using remote = await openRemote(flags)
  const { added, refused } = await remote.api.people.importCsv.mutate({ csv })
  if (flags.json) printJson({ added, refused })
  else
    printRows(added, {
      empty: 'Nobody was added.',
      columns: [
        { title: 'name', value: (row) => row.name },
        { title: 'password', value: (row) => row.password },
      ],
    })
  for (const { line, why } of refused) note(`holdfast: line ${line} was not taken: ${why}`)
  if (refused.length > 0) process.exitCode = 1
}
