/** What the number of voters means for a cluster (Raft, section 5): the same words on the command line and in the UI. */
import type { ClusterMember, ClusterView } from '../cluster-services.ts'

/** Voters that have to be there for the cluster to write. */
export function quorumOf(voters: number): number {
  return Math.floor(voters / 2) + 1
}

/** Voters that may fail while the others go on writing. */
export function spareVoters(voters: number): number {
  return Math.max(0, voters - quorumOf(voters))
}

export interface ClusterSize {
  voters: number
  quorum: number
  /** Voters that may fail while the others go on writing, were all of them there. */
  spare: number
  reachable: number
}

/** A member that joins has no vote yet. */
export function isVoter(member: Pick<ClusterMember, 'state'>): boolean {
  return member.state !== 'joining'
}

export interface Removal {
  before: ClusterSize
  after: ClusterSize
  /** `stops`: too few voters would be left to write · `fragile`: the next failure stops the writing · `fine`. */
  risk: 'fine' | 'fragile' | 'stops'
}

/** What taking `member` out would do to the cluster of `view`. */
export function removalOf(
  view: Pick<ClusterView, 'voters' | 'reachableVoters'>,
  member: Pick<ClusterMember, 'state'>,
): Removal {
  const votes = isVoter(member) ? 1 : 0
  const reaches = votes === 1 && member.state !== 'unreachable' ? 1 : 0
  const before = sizeOf(view.voters, view.reachableVoters)
  const after = sizeOf(view.voters - votes, view.reachableVoters - reaches)
  const risk =
    after.reachable < after.quorum
      ? 'stops'
      : after.reachable === after.quorum && after.voters > 1
        ? 'fragile'
        : 'fine'
  return { before, after, risk }
}

function sizeOf(voters: number, reachable: number): ClusterSize {
  return { voters, quorum: quorumOf(voters), spare: spareVoters(voters), reachable }
}
