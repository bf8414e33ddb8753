/**
 * Whether the node answers. A call that got no answer marks the node unreachable; from then on its health address is
 * asked until it answers, and everything on the page is loaded again.
 */
import { paths } from './paths.ts'

export interface Reachability {
  reachable: boolean
  /** When the first call went unanswered, by this computer's clock; null while reachable. */
  since: number | null
  attempts: number
}

/** Between two looks at a node that does not answer; short, because a restart takes a second or two. */
const probeIntervalMs = 2000
const probeTimeoutMs = 4000

let state: Reachability = { reachable: true, since: null, attempts: 0 }
const listeners = new Set<() => void>()
const recoveries = new Set<() => void>()
let timer: ReturnType<typeof setTimeout> | null = null

function change(next: Reachability): void {
  state = next
  for (const listener of listeners) listener()
}

async function probe(): Promise<void> {
  try {
    const answer = await fetch(paths.health(), {
      cache: 'no-store',
      signal: AbortSignal.timeout(probeTimeoutMs),
    })
    if (answer.ok) {
      markReachable()
      return
    }
  } catch {
    // No answer is what the banner says; the next look follows below.
  }
  change({ ...state, attempts: state.attempts + 1 })
  timer = setTimeout(probe, probeIntervalMs)
}

export function markUnreachable(): void {
  if (!state.reachable) return
  change({ reachable: false, since: Date.now(), attempts: 0 })
  timer = setTimeout(probe, probeIntervalMs)
}

export function markReachable(): void {
  if (state.reachable) return
  if (timer !== null) clearTimeout(timer)
  timer = null
  change({ reachable: true, since: null, attempts: 0 })
  for (const recovered of recoveries) recovered()
}

/** Asks at once instead of waiting for the next look. */
export function probeNow(): void {
  if (state.reachable) return
  if (timer !== null) clearTimeout(timer)
  void probe()
}

export function subscribeReachability(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Calls `recovered` each time the node answers again. */
export function onRecovery(recovered: () => void): () => void {
  recoveries.add(recovered)
  return () => recoveries.delete(recovered)
}

export const reachability = () => state
