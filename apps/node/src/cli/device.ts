import { limits } from '@holdfast/api/contract/limits'
import type { DeviceDetail, DeviceView } from '@holdfast/api/services'
import { Command } from 'commander'
import { oneOf } from './arguments.ts'
import { age, type Column, dateTime, facts, print, printJson, printRows } from './output.ts'
import { loadProfile, profilePaths, saveProfile } from './profile.ts'
import { deviceName, openRemote, type RemoteFlags, remoteCommand } from './remote.ts'
import { findDevice, findPerson } from './resolve.ts'

const statuses = ['pending', 'approved', 'revoked'] as const

export function deviceCommand(): Command {
  const named = (name: string, summary: string): Command =>
    remoteCommand(name)
      .description(summary)
      .argument('<device>', 'a device by id, or by name where one is called so')
  return new Command('device')
    .addCommand(
      remoteCommand('list')
        .description('List devices.')
        .option('--status <status>', statuses.join(', '), oneOf(statuses))
        .option('--person <name>', 'only those of this person')
        .option('--text <text>', 'only those with this in name, platform or site')
        .action(list),
    )
    .addCommand(named('show', 'Show a device and its certificate.').action(show))
    .addCommand(named('approve', 'Approve a waiting device.').action(approve))
    .addCommand(
      named('revoke', 'Revoke a device: its connections are cut at once and its key is never taken again.')
        .option('--reason <text>', 'why, for the audit log')
        .action(revoke),
    )
    .addCommand(
      remoteCommand('enrol')
        .description('Enrol this machine as a device of yours.')
        .option('--name <name>', 'how it is called in the registry')
        .action(enrol),
    )
    .addCommand(remoteCommand('mine').description('List your own devices.').action(mine))
}

const columns: Column<DeviceView>[] = [
  { title: 'id', value: (row) => row.id },
  { title: 'name', value: (row) => row.name },
  { title: 'person', value: (row) => row.personName },
  { title: 'status', value: (row) => row.status },
  { title: 'platform', value: (row) => row.platform },
  { title: 'site', value: (row) => row.site },
  { title: 'here', value: (row) => row.presence },
  { title: 'last seen', value: (row) => age(row.lastSeenAt), right: true },
]

async function list(
  flags: RemoteFlags & { status?: (typeof statuses)[number]; person?: string; text?: string },
): Promise<void> {
  await using remote = await openRemote(flags)
  const { api } = remote
  const filter = {
    ...(flags.status === undefined ? {} : { status: flags.status }),
    ...(flags.text === undefined ? {} : { text: flags.text }),
    ...(flags.person === undefined ? {} : { person: (await findPerson(api, flags.person)).id }),
  }
  const rows: DeviceView[] = []
  for (let total = 1; rows.length < total; ) {
    const page = await api.devices.list.query({ ...filter, offset: rows.length, limit: limits.listRows })
    if (page.rows.length === 0) break
    rows.push(...page.rows)
    total = page.total
  }
  printRows(rows, { json: flags.json, empty: 'There is no device like this.', columns })
}

async function mine(flags: RemoteFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const rows: DeviceView[] = await remote.api.devices.mine.query()
  printRows(rows, { json: flags.json, empty: 'You have no device.', columns })
}

async function show(reference: string, flags: RemoteFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const { id } = await findDevice(remote.api, reference)
  const view = await remote.api.devices.get.query({ id })
  if (flags.json) printJson(view)
  else showDetail(view)
}

function showDetail(view: DeviceDetail): void {
  const decided =
    view.decidedAt === null ? null : `${dateTime(view.decidedAt)} by ${view.decidedBy ?? 'policy'}`
  const lines = facts([
    ['Device', `${view.name} (${view.id})`],
    ['Person', view.personName],
    ['Status', view.status],
    ['Decided', decided],
    ['Platform', view.platform],
    ['Site', view.site],
    ['Tags', view.tags.join(', ')],
    ['Enrolled', dateTime(view.enrolledAt)],
    ['Last seen', view.lastSeenAt === null ? 'never' : `${age(view.lastSeenAt)} ago`],
    ['Key', view.thumbprint],
    ['Certificate', view.serial === null ? null : `${view.serial} until ${dateTime(view.expiresAt ?? 0)}`],
  ])
  for (const line of lines) print(line)
  if (view.certificate !== null) print(`\n${view.certificate.trim()}`)
}

async function approve(reference: string, flags: RemoteFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const { id } = await findDevice(remote.api, reference)
  const view = await remote.api.devices.approve.mutate({ id })
  if (flags.json) printJson(view)
  else print(`${view.name} of ${view.personName} is approved.`)
}

async function revoke(reference: string, flags: RemoteFlags & { reason?: string }): Promise<void> {
  await using remote = await openRemote(flags)
  const { id } = await findDevice(remote.api, reference)
  const view = await remote.api.devices.revoke.mutate({
    id,
    ...(flags.reason === undefined ? {} : { reason: flags.reason }),
  })
  if (flags.json) printJson(view)
  else print(`${view.name} of ${view.personName} is revoked.`)
}

async function enrol(flags: RemoteFlags & { name?: string }): Promise<void> {
  await using remote = await openRemote(flags)
  const { enrol: enrolWith } = await import('@holdfast/api/client/login')
  const { createKeyFile, loadKeyFile } = await import('@holdfast/api/client/node-key-file')
  const { key: path } = profilePaths(flags.profile)
  const deviceKey = (await loadKeyFile(path)) ?? (await createKeyFile(path))
  const { arch, platform, release } = await import('node:os')
  const view = await enrolWith(remote.api, {
    deviceKey,
    device: {
      name: flags.name ?? deviceName(),
      platform: `${platform()} ${release()} ${arch()}`.slice(0, limits.nameLength),
    },
  })
  const profile = await loadProfile(flags.profile)
  if (profile) await saveProfile(flags.profile, { ...profile, enrolled: true })
  if (flags.json) printJson(view)
  else if (view.status === 'approved')
    print(`${view.name} (${view.id}) is approved. Log in again to bind the session to it.`)
  else print(`${view.name} (${view.id}) waits for approval. Log in again once it is approved.`)
}
