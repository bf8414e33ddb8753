/** What an update of the whole cluster needs of every other member: looked at before it begins, and before each node. */
import { mayPause, type PreflightFinding, type VoterCount } from '../../appliance/preflight.ts'
import { compareVersions } from '../../appliance/versions.ts'
import type { MachineState } from './rollout-member.ts'

/** Entries of the log that a node may lack and still take its part at once. */
const maxLag = 1_000

/** Another member, as this node hears of it. */
export interface MemberFacts {
  name: string
  /** Whether it was heard of lately. */
  isThere: boolean
  /** Whether it applies the log as it comes, and takes no state from another node. */
  isOnline: boolean
  /** Entries of the log that it lacks. */
  lag: number
  votes: boolean
}

/** A member, and what its machine answered; null: it did not. */
export interface AskedMember extends MemberFacts {
  machine: MachineState | null
}

interface Trouble {
  found: string
  mend: string
}

const wait = 'Wait until it has: see holdfast cluster status.'

/** Why a member cannot take part now; null: it can. */
export function troubleOf({ name, isThere, isOnline, lag, votes }: MemberFacts): Trouble | null {
  if (!isThere)
    return {
      found: `${name} is not there`,
      mend: `Bring ${name} back, or take it out for good: holdfast cluster remove ${name}.`,
    }
  if (!isOnline) return { found: `${name} takes its state from another node`, mend: wait }
  if (lag > maxLag) return { found: `${name} has not caught up`, mend: wait }
  if (!votes) return { found: `${name} does not vote yet`, mend: wait }
  return null
}

/**
 * Why the cluster cannot spare one of its nodes now; null: it can.
 * @param allowPause whether nobody may be able to write meanwhile
 */
export function whyNotSpare(
  others: readonly MemberFacts[],
  cluster: VoterCount,
  { name, allowPause }: { name: string; allowPause: boolean },
): string | null {
  for (const other of others) {
    const trouble = troubleOf(other)
    if (trouble !== null) return trouble.found
  }
  const left = cluster.healthy - 1
  if (left > cluster.voters / 2 || (allowPause && mayPause(cluster))) return null
  return `without ${name} ${left} of ${cluster.voters} nodes would be left, too few to go on`
}

/** What is found of the other members before an update to `version` begins. */
export function memberFindings(others: readonly AskedMember[], version: string): PreflightFinding[] {
  if (others.length === 0) return []
  const troubles = others.flatMap((other) => troubleOf(other) ?? machineTrouble(other, version) ?? [])
  if (troubles.length > 0)
    return troubles.map(({ found, mend }) => ({ check: 'members', level: 'stop', found: `${found}.`, mend }))
  const names = others.map(({ name }) => name).join(', ')
  return [{ check: 'members', level: 'ok', found: `${names}: there and up to date`, mend: null }]
}

function machineTrouble({ name, machine }: AskedMember, version: string): Trouble | null {
  if (machine === null)
    return {
      found: `${name} does not answer`,
      mend: `See whether this node reaches port 7444/tcp of ${name}: holdfast cluster status.`,
    }
  if (!machine.installs)
    return {
      found: `${name} installs no bundles by itself`,
      mend: 'Update the machines of this cluster one by one, each as it was installed.',
    }
  if (compareVersions(machine.version, version) > 0)
    return {
      found: `${name} runs ${machine.version} already, which is newer`,
      mend: `Take the bundle of ${machine.version} or a newer one.`,
    }
  return null
}
