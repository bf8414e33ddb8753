'use client'

import { useSyncExternalStore } from 'react'

/** Below this a page has one column; the same width as PatternFly's small breakpoint. */
const narrowQuery = '(max-width: 576px)'

/** Whether the window is as narrow as a phone. */
export function useNarrow(): boolean {
  return useSyncExternalStore(
    (listener) => {
      const query = matchMedia(narrowQuery)
      query.addEventListener('change', listener)
      return () => query.removeEventListener('change', listener)
    },
    () => matchMedia(narrowQuery).matches,
    () => false,
  )
}
