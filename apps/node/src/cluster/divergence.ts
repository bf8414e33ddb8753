import type { Mark } from '../log/etcd/chain-history.ts'

/**
 * Whether this node is the odd one out: at one place, more than half of the voters have the same chain, and not its.
 * @param disagreements by node: places where its chain differs from this node's
 * @returns the place with the others' chain; null when it is not, or nobody can tell
 */
export function oddOneOut(disagreements: ReadonlyMap<string, readonly Mark[]>, voters: number): Mark | null {
  const majority = Math.floor(voters / 2) + 1
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
