import type { ClusterMember, ClusterView, MemberState } from '@holdfast/api/cluster-services'
import { spareVoters } from '@holdfast/api/contract/quorum'
import { count, formatMs } from '../../lib/format.ts'

export type Look = 'success' | 'warning' | 'danger'

export interface Verdict {
  look: Look
  title: string
  /** What it means and what to do, in one or two sentences. */
  text: string
}

/** A clock that is further off makes times in messages and in the audit log misleading. */
export const tolerableSkewMs = 2_000

export const stateWords: Record<MemberState, string> = {
  online: 'Online',
  joining: 'Joining',
  restoring: 'Restoring',
  diverged: 'Diverged',
  unreachable: 'Unreachable',
}

/** What each state means to the people who use that node. */
export const stateMeanings: Record<MemberState, string> = {
  online: 'Applies the log as it comes and serves everybody.',
  joining: 'Takes part but has no vote yet; it becomes a voter by itself.',
  restoring: 'Takes its state from another node and serves nobody until it has it.',
  diverged: 'Its state differs from the others’. It serves nobody and is restored by itself.',
  unreachable: 'Gives no sign of life to the other nodes.',
}

export function nameOf(view: ClusterView, nodeId: string | null): string | null {
  return view.members.find((member) => member.nodeId === nodeId)?.name ?? null
}

/** How the cluster is, in one line and what follows from it. */
export function verdictOf(view: ClusterView): Verdict {
  const there = `${view.reachableVoters} of ${count(view.voters, 'voter')} ${view.reachableVoters === 1 ? 'is' : 'are'} there`
  if (!view.writable)
    return {
      look: 'danger',
      title: 'Read-only: nothing new is accepted',
      text: `${there}, ${view.quorum} are needed. ${view.reason ?? ''}`,
    }
  const leader = nameOf(view, view.leader)
  const led = leader === null ? 'A leader is being elected.' : `${leader} leads.`
  const diverged = view.members.filter((member) => member.state === 'diverged')
  if (diverged.length > 0)
    return {
      look: 'danger',
      title: `${listed(diverged)} ${diverged.length === 1 ? 'holds' : 'hold'} another state than the others`,
      text: `${led} Nothing that was acknowledged is lost: the others have it.`,
    }
  const odd = view.members.filter((member) => member.state === 'online' && member.chainAgrees === false)
  if (odd.length > 0)
    return {
      look: 'danger',
      title: `${listed(odd)} and ${nameOf(view, view.nodeId) ?? 'this node'} hold different states`,
      text: `${led} A majority of equal states decides, and the odd one restores itself. With two voters nobody can: verify the audit log on both, remove the wrong node, then join it anew.`,
    }
  const missing = view.voters - view.reachableVoters
  const spare = view.reachableVoters - view.quorum
  if (missing > 0)
    return {
      look: spare > 0 ? 'warning' : 'danger',
      title: `${count(missing, 'voter')} cannot be reached`,
      text: `${led} ${spare > 0 ? `${spare} more may fail.` : 'The next failure makes the cluster read-only.'}`,
    }
  const busy = view.members.filter((member) => member.state === 'joining' || member.state === 'restoring')
  if (busy.length > 0)
    return {
      look: 'warning',
      title: `${listed(busy)} ${busy.length === 1 ? 'is' : 'are'} catching up`,
      text: `${led} This ends by itself; nothing needs to be done.`,
    }
  if (spareVoters(view.voters) === 0)
    return {
      look: 'warning',
      title: 'Working, but no node may fail',
      text:
        view.voters === 1
          ? 'One voter alone is its own quorum. Add two nodes: with three, one may fail at any time.'
          : 'Both voters are needed. Add a third node: with three, one may fail at any time.',
    }
  const faults = view.members.filter((member) => faultsOf(view, member).length > 0)
  if (faults.length > 0)
    return {
      look: 'warning',
      title: `${listed(faults)} ${faults.length === 1 ? 'needs' : 'need'} a look`,
      text: `${led} What is wrong stands below.`,
    }
  return {
    look: 'success',
    title: 'Healthy',
    text: `All ${view.voters} voters are there and hold the same state. ${led} ${spare === 1 ? 'One node' : `${spare} nodes`} may fail at any time.`,
  }
}

function listed(members: readonly ClusterMember[]): string {
  return members.map((member) => member.name).join(', ')
}

/** What needs somebody's attention at one member, a sentence each. */
export function faultsOf(view: ClusterView, member: ClusterMember): string[] {
  const faults: string[] = []
  if (member.state === 'unreachable')
    faults.push('Gives no sign of life. See to its power and network, or replace it.')
  if (member.state === 'diverged')
    faults.push('Holds another state than the others, serves nobody, and is restored by itself.')
  else if (member.chainAgrees === false)
    faults.push('Its state chain differs from this node’s: one of the two holds altered or damaged data.')
  if (member.etcd?.healthy === false)
    faults.push(`Its etcd is not well: ${member.etcd.problem ?? 'it does not say why'}`)
  const skew = member.clockSkewMs ?? 0
  if (Math.abs(skew) > tolerableSkewMs)
    faults.push(
      `Its clock is ${formatMs(Math.abs(skew))} ${skew > 0 ? 'ahead of' : 'behind'} this node’s. Set whichever of the two is wrong.`,
    )
  if (member.version !== '' && member.version !== view.commonVersion)
    faults.push(
      `It runs version ${member.version}, the oldest member ${view.commonVersion}; what needs the newer one waits.`,
    )
  return faults
}

/** Clock difference as on a watch: +0.4 s. */
export function formatSkew(ms: number): string {
  const seconds = Math.abs(ms) / 1000
  const text = seconds < 10 ? seconds.toFixed(1) : String(Math.round(seconds))
  return `${ms < 0 && text !== '0.0' ? '−' : '+'}${text} s`
}
