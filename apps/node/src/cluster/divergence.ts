import type { ChainHistory, Mark } from '../log/etcd/chain-history.ts'

export const majorityOf = (voters: number): number => Math.floor(voters / 2) + 1

/**
 * What an operator is told while the states of `others` differ from this node's.
 * @param alike nodes whose state is this one's, itself included
 */
export function differing(others: readonly string[], alike: number, voters: number): string {
  const names = others.join(', ')
  return alike >= majorityOf(voters)
    ? `The state of ${names} differs from that of the majority; it serves nobody until it has restored itself.`
    : `The state of ${names} differs from that of this node, and no majority of equal ones says which is right: all go on serving. With three voters the odd one restores itself. With two, verify both audit logs (holdfast audit verify), then take the wrong node out (holdfast cluster remove) and join it anew; until then no node can join.`
}

/**
 * How far the nodes have told where they stand at the first place of a difference.
 * @param others members beside this one, and whether there is a sign of life of them
 * @returns alike: how many have this node's state there, itself included; open: how many of the living have not told yet
 */
export function stances(
  chains: Pick<ChainHistory, 'disagreements' | 'agreedAt'>,
  others: readonly { nodeId: string; alive: boolean }[],
): { alike: number; open: number } {
  const differs = chains.disagreements()
  const place = Math.min(...[...differs.values()].flatMap((marks) => marks.map(([index]) => index)))
  const rest = others.filter(({ nodeId }) => !differs.has(nodeId))
  const alike = rest.filter(({ nodeId }) => chains.agreedAt(nodeId) >= place)
  return { alike: alike.length + 1, open: rest.filter((node) => node.alive && !alike.includes(node)).length }
}

/**
 * Whether this node is the odd one out: at one place, more than half of the voters have the same chain, and not its.
 * @param disagreements by node: places where its chain differs from this node's
 * @returns the place with the others' chain; null when it is not, or nobody can tell
 */
export function oddOneOut(disagreements: ReadonlyMap<string, readonly Mark[]>, voters: number): Mark | null {
  const majority = majorityOf(voters)
  const counts = new Map<string, number>()
  for (const marks of disagreements.values())
    for (const mark of marks) {
      const key = mark.join('/')
      const count = (counts.get(key) ?? 0) + 1
      counts.set(key, count)
      if (count >= majority) return mark
    }
  return null
}
