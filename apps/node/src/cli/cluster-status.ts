import { setTimeout as sleep } from 'node:timers/promises'
import type { Api } from '@holdfast/api/client/api'
import type { ClusterMember, ClusterView } from '@holdfast/api/cluster-services'
import { spareVoters } from '@holdfast/api/contract/quorum'
import type { Command } from 'commander'
import { isGone } from './cluster-common.ts'
import { age, bytes, type Column, count, note, print, printable, printJson, red, table } from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'
import { exitCodes } from './run.ts'

interface StatusFlags extends RemoteFlags {
  url?: string
  watch?: boolean
}

/** Nodes tell each other how they are once a second. */
const watchIntervalMs = 1000
/** Letters of a state chain that tell two of them apart at a glance. */
const chainShown = 8
/** A clock that is further off makes times in messages and in the audit log misleading. */
const tolerableSkewMs = 2000

export function clusterStatusCommand(): Command {
  return remoteCommand('status')
    .option('--url <url>', 'ask this node; any of the known ones when absent')
    .description('Show the members, who leads, and how far each one is.')
    .option('--watch', 'show it again every second until Ctrl-C')
    .addHelpText(
      'after',
      '\nLAG: entries behind the member that is furthest. CHAIN: whether its state equals that of the node that answered.\nCLOCK: its clock minus that of the node that answered. Exit code 1 when the cluster cannot write.',
    )
    .action(status)
}

async function status(flags: StatusFlags): Promise<void> {
  const { nodeOrigin } = await import('@holdfast/api/client/urls')
  await using remote = await openRemote(flags, flags.url === undefined ? undefined : nodeOrigin(flags.url))
  if (flags.watch) return await watch(remote.api, flags)
  const view = await remote.api.cluster.status.query()
  show(view, flags)
  if (!view.writable) process.exitCode = exitCodes.refused
}

function show(view: ClusterView, flags: StatusFlags): void {
  if (flags.json) printJson(view)
  else for (const line of statusLines(view)) print(line)
}

/** Goes on when the node that is asked restarts; that is when one looks. */
async function watch(api: Api, flags: StatusFlags): Promise<void> {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const clear = process.stdout.isTTY && !flags.json
  for (let first = true; !stop.signal.aborted; first = false) {
    try {
      const view = await api.cluster.status.query()
      if (clear) process.stdout.write('\u001b[H\u001b[2J')
      else if (!first && !flags.json) print('')
      show(view, flags)
    } catch (error) {
      if (!isGone(error)) throw error
      note(`holdfast: ${(error as Error).message}`)
    }
    await sleep(watchIntervalMs, undefined, { signal: stop.signal }).catch(() => {})
  }
  process.exitCode = exitCodes.done
}

/** What a person reads: the verdict first, then the members, then what is wrong with whom. */
export function statusLines(view: ClusterView, nowMs = Date.now()): string[] {
  const own = view.members.find((member) => member.self)
  if (view.mode === 'single')
    return [
      `${printable(own?.name ?? view.nodeId)} is a single node; a cluster goes on when one of its nodes fails.`,
      'Make it the first of a cluster: holdfast cluster create',
      ...table(view.members, columns(view)),
    ]
  const open = view.invitations.filter((each) => each.usedAt === null && each.expiresAt > nowMs).length
  return [
    verdict(view),
    ...table(view.members, columns(view)),
    ...view.members.flatMap((member) => troubles(view, member, nowMs)),
    ...(open > 0 ? [`${count(open, 'invitation')} open: holdfast cluster invitations`] : []),
  ]
}

function verdict(view: ClusterView): string {
  const leader = view.members.find((member) => member.nodeId === view.leader)
  const led = leader ? `led by ${printable(leader.name)} in term ${view.term}` : 'without a leader'
  const reached = `${view.reachableVoters} of ${count(view.voters, 'voter')} there, ${view.quorum} needed`
  if (!view.writable)
    return red(`READ-ONLY: ${reached}; ${led}.${view.reason === null ? '' : ` ${printable(view.reason)}`}`)
  const spare = Math.max(0, view.reachableVoters - view.quorum)
  const failure = spare === 0 ? 'the next failure stops the writing' : `${spare} more may fail`
  const hint =
    spareVoters(view.voters) === 0
      ? ` Add ${view.voters === 1 ? 'two nodes' : 'a node'} so that one may fail: holdfast cluster invite`
      : ''
  return `Writing: ${reached}, ${failure}; ${led}.${hint}`
}

function columns(view: ClusterView): Column<ClusterMember>[] {
  return [
    { title: 'node', value: (row) => `${row.name}${row.self ? ' *' : ''}` },
    { title: 'role', value: role },
    { title: 'state', value: (row) => row.state },
    { title: 'address', value: (row) => row.address },
    { title: 'index', value: (row) => row.index, right: true },
    { title: 'on disk', value: (row) => row.durableIndex, right: true },
    { title: 'lag', value: (row) => row.lag, right: true },
    { title: 'chain', value: chain },
    { title: 'clock', value: (row) => (row.self ? null : skew(row.clockSkewMs)), right: true },
    { title: 'version', value: (row) => row.version },
    ...(view.mode === 'cluster' ? [{ title: 'etcd', value: etcd }] : []),
  ]
}

function role(row: ClusterMember): string {
  if (row.leader) return 'leader'
  return row.state === 'joining' ? 'learner' : 'follower'
}

function chain(row: ClusterMember): string | null {
  if (row.self) return row.chain.slice(0, chainShown)
  return row.chainAgrees === null ? null : row.chainAgrees ? 'agrees' : 'DIFFERS'
}

function skew(ms: number | null): string | null {
  return ms === null ? null : `${ms < 0 ? '-' : '+'}${(Math.abs(ms) / 1000).toFixed(1)} s`
}

function etcd({ etcd }: ClusterMember): string | null {
  if (etcd === null) return null
  const commit = etcd.commitMs === null ? '' : `, ${etcd.commitMs.toFixed(0)} ms`
  return `${etcd.healthy ? 'ok' : 'ILL'} ${etcd.version}${commit}, ${bytes(etcd.databaseBytes)}`
}

/** What needs somebody's attention at one member, a line each. */
function troubles(view: ClusterView, member: ClusterMember, nowMs: number): string[] {
  const lines: string[] = []
  const seen =
    member.lastSeenAt === null ? 'never heard of' : `last heard ${age(member.lastSeenAt, nowMs)} ago`
  if (member.state === 'unreachable') lines.push(seen)
  if (member.state === 'diverged' || member.state === 'restoring')
    lines.push('its state is taken from another node; it serves nobody until then')
  else if (member.chainAgrees === false)
    lines.push(
      'its state differs from this node’s, and both serve: where no majority decides, run holdfast audit verify on both, then holdfast cluster remove the wrong one and join it anew',
    )
  if (member.etcd?.healthy === false)
    lines.push(`its etcd is not well: ${printable(member.etcd.problem ?? 'it does not say why')}`)
  if (Math.abs(member.clockSkewMs ?? 0) > tolerableSkewMs)
    lines.push(`its clock is ${skew(member.clockSkewMs)} off this node's; set whichever is wrong`)
  if (member.version !== '' && member.version !== view.commonVersion)
    lines.push(`runs ${printable(member.version)} while others run ${printable(view.commonVersion)}`)
  return lines.map((line) => red(`${printable(member.name)}: ${line}`))
}
