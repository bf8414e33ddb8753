/** What the commands about a cluster share. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Api } from '@holdfast/api/client/api'
import type { CarriedOut, ClusterMember, ClusterView } from '@holdfast/api/cluster-services'
import type { Command } from 'commander'
import { CommandError, UsageError } from './errors.ts'
import { note, printable } from './output.ts'
import { loadProfile } from './profile.ts'
import { openRemote, type Remote, type RemoteFlags, remoteCommand } from './remote.ts'

const pollMs = 500

/** The flags of commands that are about one node, not about whichever answers. */
export interface NodeFlags extends RemoteFlags {
  url?: string
}

/** A command about one node. */
export function nodeCommand(name: string): Command {
  return remoteCommand(name).option('--url <url>', 'address of the node that is meant; https://NAME:7443')
}

/**
 * Opens the one node that is meant.
 * @throws UsageError when the login knows several and none is named
 */
export async function openNode(flags: NodeFlags): Promise<Remote> {
  const known = (await loadProfile(flags.profile))?.urls ?? []
  const { nodeOrigin } = await import('@holdfast/api/client/urls')
  if (flags.url !== undefined) return openRemote(flags, nodeOrigin(flags.url))
  if (known.length > 1)
    throw new UsageError(`Say which node is meant with --url; this login knows ${known.join(', ')}.`)
  return openRemote(flags, known[0])
}

/** Whether a call failed because the node is away for the moment. */
export function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : null
  return (
    code === 'shutting-down' ||
    code === 'busy' ||
    (error instanceof Error && error.name === 'UnreachableError')
  )
}

/** `done by node2 (leader), asked through node1`: membership changes go through the leader, whoever was asked. */
export function carriedOut(by: CarriedOut, view: ClusterView): string {
  const name = printable(by.nodeName)
  if (!by.forwarded) return `done by ${name} (leader)`
  const asked = view.members.find((member) => member.nodeId === view.nodeId)?.name ?? view.nodeId
  return `done by ${name} (leader), asked through ${printable(asked)}`
}

/** A member by name or id. @throws CommandError */
export function findMember(view: ClusterView, reference: string): ClusterMember {
  const found = view.members.filter((member) => member.nodeId === reference || member.name === reference)
  if (found.length === 1) return found[0]!
  const names = view.members.map((member) => member.name).join(', ')
  if (found.length === 0)
    throw new CommandError(`There is no member called ${reference}. There are: ${names}.`)
  throw new CommandError(
    `${found.length} members are called ${reference}. Name one by its id: ${found.map((each) => each.nodeId).join(', ')}.`,
  )
}

/**
 * Asks for the state until it is as wanted; the node may restart meanwhile.
 * @param progress a line for people, printed whenever it changes
 * @throws CommandError with `late` when it takes longer than `timeoutMs`
 */
export async function waitFor(
  api: Api,
  options: {
    until(view: ClusterView): boolean
    progress(view: ClusterView | null): string | null
    timeoutMs: number
    late: string
  },
): Promise<ClusterView> {
  const endsAt = performance.now() + options.timeoutMs
  let said: string | null = null
  for (;;) {
    let view: ClusterView | null = null
    try {
      view = await api.cluster.status.query()
    } catch (error) {
      if (!isGone(error)) throw error
    }
    if (view !== null && options.until(view)) return view
    const line = options.progress(view)
    if (line !== null && line !== said) note(line)
    said = line
    if (performance.now() > endsAt) throw new CommandError(options.late)
    await sleep(pollMs)
  }
}
