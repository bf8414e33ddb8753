import type { InvitationView } from '@holdfast/api/cluster-services'
import { invitationMinutes } from '@holdfast/api/contract/cluster-inputs'
import type { Command } from 'commander'
import { integer } from './arguments.ts'
import { carriedOut } from './cluster-common.ts'
import { age, dateTime, print, printJson, printRows } from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'

export function inviteCommand(): Command {
  return remoteCommand('invite')
    .description('Make a code with which one new node may join, once.')
    .option(
      '--minutes <n>',
      'how long it is good for',
      integer(invitationMinutes.least, invitationMinutes.most),
      invitationMinutes.usual,
    )
    .addHelpText(
      'after',
      '\nThe code lets a node into the cluster: treat it as a password. It is shown only now.',
    )
    .action(invite)
}

export function invitationsCommand(): Command {
  return remoteCommand('invitations').description('List the codes that were made.').action(list)
}

export function revokeInvitationCommand(): Command {
  return remoteCommand('revoke-invitation')
    .description('Make a code worthless before it is used.')
    .argument('<id>', 'as holdfast cluster invitations shows it')
    .action(revoke)
}

async function invite(flags: RemoteFlags & { minutes: number }): Promise<void> {
  await using remote = await openRemote(flags)
  const view = await remote.api.cluster.status.query()
  const made = await remote.api.cluster.invite.mutate({ minutes: flags.minutes })
  if (flags.json) return printJson(made)
  print(
    `One node can join with this code until ${dateTime(made.expiresAt)} (${carriedOut(made.by, view)}):\n`,
  )
  print(`  ${made.code}\n`)
  print('On the new node, with no data folder yet:')
  print('  holdfast cluster join --data DIR --node NAME     it asks for the code')
  print('or open the new node in a browser, choose “Join a cluster”, and paste the code there.')
  print(`To take it back: holdfast cluster revoke-invitation ${made.id}`)
}

async function list(flags: RemoteFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const { invitations } = await remote.api.cluster.status.query()
  printRows<InvitationView>(invitations, {
    json: flags.json,
    empty: 'There is no invitation. Make one: holdfast cluster invite',
    columns: [
      { title: 'id', value: (row) => row.id },
      { title: 'state', value: state },
      { title: 'made by', value: (row) => row.createdBy },
      { title: 'made', value: (row) => `${age(row.createdAt)} ago`, right: true },
      { title: 'until', value: (row) => dateTime(row.expiresAt) },
    ],
  })
}

function state(row: InvitationView): string {
  if (row.usedAt !== null) return `used by ${row.usedBy ?? 'a node'} at ${dateTime(row.usedAt)}`
  return row.expiresAt > Date.now() ? 'open' : 'expired'
}

async function revoke(id: string, flags: RemoteFlags): Promise<void> {
  await using remote = await openRemote(flags)
  await remote.api.cluster.revokeInvitation.mutate({ id })
  if (flags.json) printJson({ id, revoked: true })
  else print(`The invitation ${id} is worth nothing any more.`)
}
