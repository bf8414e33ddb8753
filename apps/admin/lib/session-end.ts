/** Carries the news that a session has ended from the calls, which know no router, to the shell, which does. */
type Listener = (reason: string) => void
const listeners = new Set<Listener>()

export function reportSessionEnd(reason: string): void {
  for (const listener of listeners) listener(reason)
}

/** Calls `listener` with the error code each time a call is refused because there is no session any more. */
export function onSessionEnd(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
