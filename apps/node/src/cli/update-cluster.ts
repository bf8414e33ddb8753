/** Updates every node of a cluster, from any machine that is logged in. */
import { setTimeout as sleep } from 'node:timers/promises'
import { checkBundle } from '@holdfast/api/client/check-bundle'
import { HoldfastError } from '@holdfast/api/contract/errors'
import type { RolloutView, UpdateStatusView } from '@holdfast/api/update-services'
import type { Command } from 'commander'
import { CommandError } from './errors.ts'
import { note, print, printable, printJson } from './output.ts'
import { openRemote, type Remote, type RemoteFlags, remoteCommand } from './remote.ts'
import { exitCodes } from './run.ts'
import { showFinding } from './update-findings.ts'
import { uploadBundle } from './update-upload.ts'

const lookEveryMs = 1_000
/** How long no node may answer, while nodes start anew. */
const silenceMs = 10 * 60_000

interface Flags extends RemoteFlags {
  again?: boolean
  allowPause?: boolean
}

export function updateClusterCommand(): Command {
  return remoteCommand('cluster')
    .description('install a bundle on every node of the cluster, one after the other, and follow it')
    .argument('<bundle>', 'file of the bundle, on this machine')
    .option('--again', 'also where this bundle was taken back before')
    .option('--allow-pause', 'also in a cluster of two, where nobody can write while a node restarts')
    .action(updateCluster)
}

export function stopClusterCommand(): Command {
  return remoteCommand('stop')
    .description('ask no more nodes of the cluster; the one that is being updated comes to its end')
    .action(stop)
}

async function updateCluster(file: string, flags: Flags): Promise<void> {
  // The bundle goes to one node in parts: the next node of the list must not get the rest of them.
  const only = await nodeToUse(flags)
  await using remote = await openRemote(flags, only)
  await uploadBundle(remote.api.updates, file)
  const { id, version, findings } = await checkBundle(remote.api.updates)
  for (const finding of findings) if (!flags.json) showFinding(finding)
  const allowPause = flags.allowPause === true
  const stopping = findings.find(({ level }) => level === 'stop' || (level === 'confirm' && !allowPause))
  if (stopping !== undefined) throw new CommandError(`${stopping.found} ${stopping.mend ?? ''}`.trim())
  await remote.api.updates.install.mutate({ id, again: flags.again === true, allowPause })
  if (!flags.json) print(`Holdfast ${version} goes to every node, one after the other.`)
  await using any = await openRemote(flags)
  await follow(any, flags)
}

async function nodeToUse(flags: Flags): Promise<string | undefined> {
  await using remote = await openRemote(flags)
  const { nodes } = await remote.api.updates.status.query()
  if (nodes < 2)
    throw new CommandError(
      'This node is alone: run holdfast update install on its machine, or use the browser.',
    )
  const view = await remote.api.cluster.status.query()
  return view.members.find(({ self }) => self)?.url ?? undefined
}

async function follow({ api }: Remote, flags: Flags): Promise<void> {
  const told = new Set<string>()
  let heardAt = performance.now()
  for (;;) {
    const status = await api.updates.status.query().catch((error: unknown) => {
      if (error instanceof HoldfastError && error.code === 'session-ended') throw error
      if (performance.now() - heardAt > silenceMs) throw error
      return null
    })
    if (status !== null) {
      heardAt = performance.now()
      if (tell(status, told, flags.json === true)) return
    }
    await sleep(lookEveryMs)
  }
}

/** Prints what is new. @returns whether it has ended */
function tell({ rollout }: Pick<UpdateStatusView, 'rollout'>, told: Set<string>, json: boolean): boolean {
  if (rollout === null) return true
  for (const node of rollout.nodes) {
    const line = `${node.name}: ${node.state}${node.reason === null ? '' : `, ${printable(node.reason)}`}`
    if (node.state === 'waiting' || told.has(line)) continue
    told.add(line)
    note(line)
  }
  const waits = rollout.waits === null ? null : `waits: ${printable(rollout.waits)}`
  if (waits !== null && !told.has(waits)) note(waits)
  if (waits !== null) told.add(waits)
  if (rollout.state === 'running' || rollout.state === 'stopping') return false
  if (json) printJson(rollout)
  else print(sentence(rollout))
  if (rollout.state !== 'done') process.exitCode = exitCodes.refused
  return true
}

function sentence({ state, version, nodes, reason }: RolloutView): string {
  const updated = nodes.filter((node) => node.state === 'updated').length
  if (state === 'done') return `Every node runs ${version}.`
  return `Stopped after ${updated} of ${nodes.length} nodes: ${printable(reason ?? 'no reason is known')}.`
}

async function stop(flags: RemoteFlags): Promise<void> {
  await using remote = await openRemote(flags)
  await remote.api.updates.stopRollout.mutate()
  if (!flags.json) print('No more nodes are asked.')
}
