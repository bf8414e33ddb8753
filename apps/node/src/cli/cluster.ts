import type { CarriedOut, ClusterMember, ClusterView } from '@holdfast/api/cluster-services'
import { addressSchema, clusterAdd } from '@holdfast/api/contract/cluster-inputs'
import { removalOf } from '@holdfast/api/contract/quorum'
import { Command, InvalidArgumentError } from 'commander'
import { carriedOut, findMember, type NodeFlags, nodeCommand, openNode, waitFor } from './cluster-common.ts'
import { invitationsCommand, inviteCommand, revokeInvitationCommand } from './cluster-invitations.ts'
import { joinCommand } from './cluster-join.ts'
import { recoverCommand } from './cluster-recover.ts'
import { clusterStatusCommand } from './cluster-status.ts'
import { CommandError, UsageError } from './errors.ts'
import { note, print, printable, printJson } from './output.ts'
import { openRemote, type Remote, type RemoteFlags, remoteCommand } from './remote.ts'
import { ask, readPassword } from './secrets.ts'

/** A node starts anew within seconds; a slow disk with a large database takes longer. */
const restartTimeoutMs = 120_000
/** A new member restores the whole database: about 2 s for 100 MB. */
const joinTimeoutMs = 15 * 60_000

export function clusterCommand(): Command {
  return new Command('cluster')
    .addCommand(clusterStatusCommand())
    .addCommand(
      nodeCommand('create')
        .description('Make the single node the first member of a cluster; it starts anew within seconds.')
        .option(
          '--address <address>',
          'where the other nodes reach it; its first LAN address when absent',
          address,
        )
        .action(create),
    )
    .addCommand(inviteCommand())
    .addCommand(invitationsCommand())
    .addCommand(revokeInvitationCommand())
    .addCommand(joinCommand())
    .addCommand(
      remoteCommand('add')
        .description('Take in a node that waits for its set-up, by the code on its own screen.')
        .argument('<address[:port]>', 'where the new node is; holdfast discover shows it')
        .requiredOption('--node <name>', 'name of the new node')
        .requiredOption('--setup-code-file <file>', "file with the new node's code; - reads standard input")
        .option('--no-wait', 'do not wait until it is a voter')
        .action(add),
    )
    .addCommand(
      remoteCommand('remove')
        .description('Take a member out for good: what it holds is worth nothing from then on.')
        .argument('<node>', 'a member by name or id')
        .option('--yes', 'do not ask')
        .action(remove),
    )
    .addCommand(
      nodeCommand('leave')
        .description('Take the node that is asked out of its cluster for good.')
        .option('--yes', 'do not ask')
        .action(leave),
    )
    .addCommand(
      nodeCommand('address')
        .description('Tell the others where the node that is asked is now reached.')
        .argument('<address>', 'a host name or an IP address', address)
        .action(setAddress),
    )
    .addCommand(recoverCommand())
}

function address(text: string): string {
  if (addressSchema.safeParse(text).success) return text
  throw new InvalidArgumentError('Write a host name or an IP address, without a port.')
}

/** `host`, `host:port`, `[v6]:port` or a bare IPv6 address. @throws UsageError */
export function addressAndPort(text: string): { address: string; port: number } {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text)
  const plain = /^([^:]+)(?::(\d{1,5}))?$/.exec(text)
  const [, host = text, port] = bracketed ?? plain ?? []
  const parsed = clusterAdd
    .pick({ address: true, port: true })
    .safeParse({ address: host, ...(port === undefined ? {} : { port: Number(port) }) })
  if (parsed.success) return parsed.data
  throw new UsageError(
    `"${text}" is no address: write HOST, HOST:PORT or [IPv6]:PORT, such as 10.0.0.2:7443.`,
  )
}

async function create(flags: NodeFlags & { address?: string }): Promise<void> {
  await using remote = await openNode(flags)
  const { api } = remote
  const made = await api.cluster.create.mutate(flags.address === undefined ? {} : { address: flags.address })
  const view = await waitFor(api, {
    until: (each) => each.mode === 'cluster' && each.writable && each.voters > 0,
    progress: () => 'The node starts anew…',
    timeoutMs: restartTimeoutMs,
    late: `The node is not back as a cluster after ${restartTimeoutMs / 1000} s. Its log says why.`,
  })
  if (flags.json) return printJson(view)
  print(`${nameOf(view, view.nodeId)} is the first member of a cluster, at ${made.address}.`)
  print('Two more make it go on when one of them fails: holdfast cluster invite')
}

async function add(
  target: string,
  flags: RemoteFlags & { node: string; setupCodeFile: string; wait: boolean },
): Promise<void> {
  const place = addressAndPort(target)
  const setupCode = await readPassword({
    file: flags.setupCodeFile,
    flag: '--setup-code-file',
    prompt: 'Code on the screen of the new node: ',
    what: 'code',
  })
  await using remote = await openRemote(flags)
  const { api } = remote
  const before = await api.cluster.status.query()
  const done = await api.cluster.add.mutate({ ...place, setupCode: setupCode.trim(), nodeName: flags.node })
  const by = carriedOut(done.by, before)
  if (!flags.wait) {
    if (flags.json) printJson(done)
    else print(`${done.nodeName} has its place and joins now (${by}).`)
    return
  }
  const find = (view: ClusterView) => view.members.find((member) => member.name === done.nodeName)
  const view = await waitFor(api, {
    until: (each) => find(each)?.state === 'online',
    progress: (each) => (each === null ? null : stepOf(find(each), done.nodeName)),
    timeoutMs: joinTimeoutMs,
    late: `${done.nodeName} has its place but is no voter after ${joinTimeoutMs / 60_000} minutes; its log says why. See: holdfast cluster status`,
  })
  if (flags.json) printJson(find(view))
  else print(`${done.nodeName} is a member (${by}).`)
}

function stepOf(member: ClusterMember | undefined, name: string): string {
  const steps = {
    joining: 'has joined and has no vote yet…',
    restoring: 'takes the facility’s data from another node…',
    diverged: 'holds another state than the others and is restored…',
    unreachable: 'is not heard of yet…',
    online: 'is online.',
  } as const
  return `${name} ${member === undefined ? 'gets its certificate…' : steps[member.state]}`
}

async function remove(reference: string, flags: RemoteFlags & { yes?: boolean }): Promise<void> {
  await using remote = await openRemote(flags)
  const view = await remote.api.cluster.status.query()
  await takeOut(remote, view, findMember(view, reference), flags)
}

async function leave(flags: NodeFlags & { yes?: boolean }): Promise<void> {
  await using remote = await openNode(flags)
  const view = await remote.api.cluster.status.query()
  await takeOut(remote, view, findMember(view, view.nodeId), flags)
}

async function takeOut(
  remote: Remote,
  view: ClusterView,
  member: ClusterMember,
  flags: RemoteFlags & { yes?: boolean },
): Promise<void> {
  if (!flags.yes) {
    if (!process.stdin.isTTY)
      throw new CommandError(
        `${member.name} would have to join anew afterwards. Give --yes to do it without a question.`,
      )
    note(consequences(view, member))
    if ((await ask(`Remove it? Type the name ${member.name}: `)).trim() !== member.name)
      throw new CommandError('That is not the name; nothing was changed.')
  }
  const by = await remote.api.cluster.remove.mutate({ nodeId: member.nodeId })
  if (flags.json) printJson({ nodeId: member.nodeId, by })
  else print(`${member.name} is no member any more (${carriedOut(by, view)}).`)
}

function consequences(view: ClusterView, member: ClusterMember): string {
  const { before, after, risk } = removalOf(view, member)
  const warning = {
    stops: ' Too few would be left: the cluster would stop writing.',
    fragile: ' The next failure would stop the writing.',
    fine: '',
  }[risk]
  return `${printable(member.name)} is taken out for good; what it holds is worth nothing from then on. Voters: ${before.voters} now, ${after.voters} afterwards; ${after.quorum} of them are then needed, ${after.reachable} are there.${warning}`
}

async function setAddress(value: string, flags: NodeFlags): Promise<void> {
  await using remote = await openNode(flags)
  const view = await remote.api.cluster.status.query()
  const by: CarriedOut = await remote.api.cluster.setAddress.mutate({ address: value })
  if (flags.json) printJson(by)
  else print(`${nameOf(view, view.nodeId)} is now reached at ${value} (${carriedOut(by, view)}).`)
}

function nameOf(view: ClusterView, nodeId: string): string {
  return printable(view.members.find((member) => member.nodeId === nodeId)?.name ?? nodeId)
}
