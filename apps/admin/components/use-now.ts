'use client'

import { useSyncExternalStore } from 'react'
import { nodeNow } from '../lib/clock.ts'

/** One ticker for every age on the page, so that a long table does not keep hundreds of timers. */
const tickMs = 1000
let now = 0
let timer: ReturnType<typeof setInterval> | null = null
const listeners = new Set<() => void>()

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  if (timer === null) {
    now = nodeNow()
    timer = setInterval(() => {
      now = nodeNow()
      for (const each of listeners) each()
    }, tickMs)
  }
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0 && timer !== null) {
      clearInterval(timer)
      timer = null
    }
  }
}

/** The time by the node's clock in milliseconds since 1970, renewed once a second. */
export function useNow(): number {
  return useSyncExternalStore(
    subscribe,
    () => (timer === null ? Math.floor(nodeNow() / tickMs) * tickMs : now),
    () => 0,
  )
}
