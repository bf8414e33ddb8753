/**
 * Whether the cluster takes no changes because too few of its nodes are there. Staff's pages ask the node; everybody
 * else learns it from the node's notice, or from the first change that was refused.
 */
let reason: string | null = null
const listeners = new Set<() => void>()

/** `message`: the node's own sentence; null: changes are accepted again. */
export function noteReadOnly(message: string | null): void {
  if (message === reason) return
  reason = message
  for (const listener of listeners) listener()
}

export function subscribeReadOnly(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** The node's sentence; null while changes are accepted. */
export const readOnlyReason = () => reason
