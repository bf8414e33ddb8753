import type { ClusterView } from '@holdfast/api/cluster-services'

export const joinSteps = [
  { title: 'Certificate', text: 'The new node gets its place and its certificate.' },
  { title: 'Joining', text: 'It takes part, without a vote.' },
  { title: 'Restoring', text: 'It takes the facility’s data from another node.' },
  { title: 'Voter', text: 'It has everything and a vote.' },
] as const

/** How far a node is on its way in: the step that is under way, from 0; `joinSteps.length` when it has arrived. */
export function joinStep(view: ClusterView, name: string): number {
  const member = view.members.find((each) => each.name === name)
  if (member === undefined) return 0
  if (member.state === 'online') return joinSteps.length
  if (member.state === 'restoring' || member.state === 'diverged') return 2
  return 1
}
