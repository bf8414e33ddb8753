import type { AppRouter } from '@holdfast/api/router'
import type { TRPCLink } from '@trpc/client'
import { observable } from '@trpc/server/observable'
import { failureOf, signedOutCodes } from './errors.ts'

/** Between the end of a subscription and the next attempt: a node that restarts is back within this or the next. */
const resubscribeMs = 2_000
/** Refusals that asking again does not mend. */
const finalCodes: ReadonlySet<string> = new Set([...signedOutCodes, 'forbidden', 'bad-request', 'not-found'])

/**
 * Keeps a subscription alive. The socket below reconnects by itself, but a node that shuts down in good order ends its
 * subscriptions first, and one that fails ends its own; both would leave a page silent for ever.
 */
export function resubscribeLink(): TRPCLink<AppRouter> {
  return () =>
    ({ op, next }) =>
      observable((observer) => {
        let timer: ReturnType<typeof setTimeout> | null = null
        let current: { unsubscribe(): void } | null = null
        let isOver = false
        const again = () => {
          if (isOver) return
          timer = setTimeout(start, resubscribeMs)
        }
        const start = () => {
          current = next(op).subscribe({
            next: (value) => observer.next(value),
            error: (error) => {
              if (finalCodes.has(failureOf(error).code)) observer.error(error)
              else again()
            },
            complete: again,
          })
        }
        start()
        return () => {
          isOver = true
          if (timer !== null) clearTimeout(timer)
          current?.unsubscribe()
        }
      })
}
