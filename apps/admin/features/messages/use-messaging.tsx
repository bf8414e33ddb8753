'use client'
import { Client } from '@holdfast/api/client'
import { createContext, useContext, useEffect, useState, useSyncExternalStore } from 'react'
import { useIsAway } from '../../components/use-is-away.ts'
import { onRecovery } from '../../lib/reachability.ts'
import type { LiveState } from './live-state.ts'
import { Messaging } from './messaging.ts'
import { useApprovedKey } from './use-browser-device.ts'

export const MessagingContext = createContext<Messaging | null>(null)

/** Somebody looks at the page and waits: a browser tries more often than a machine does. */
const backoffBaseMs = 250
const backoffMaxMs = 5_000

export function useMessaging(): Messaging {
  const messaging = useContext(MessagingContext)
  if (messaging === null) throw new Error('useMessaging is used outside of the message pages.')
  return messaging
}

/** A part of the live state; `select` has to give the same object as long as nothing changed. */
export function useLive<Part>(select: (state: LiveState) => Part): Part {
  const messaging = useMessaging()
  const read = () => select(messaging.state)
  return useSyncExternalStore(messaging.subscribe, read, read)
}

/**
 * The connection of the message pages: made when they open, closed when they are left, and made anew when this browser
 * becomes an approved device or ceases to be one. Null until it is made.
 */
export function useMessagingConnection(): Messaging | null {
  const key = useApprovedKey()
  const [messaging, setMessaging] = useState<Messaging | null>(null)
  useEffect(() => {
    if (key === undefined) return
    const made = new Messaging(
      new Client({
        urls: [window.location.origin],
        begin: 'now',
        program: 'holdfast-browser',
        backoff: { baseMs: backoffBaseMs, maxMs: backoffMaxMs },
        ...(key === null ? {} : { deviceKey: key }),
      }),
    )
    made.start()
    setMessaging(made)
    // The shell asks the node every two seconds whether it is back; the answer cuts the wait short.
    const ending = onRecovery(() => made.retryNow())
    return () => {
      ending()
      made.stop()
      setMessaging(null)
    }
  }, [key])
  return messaging
}

/** Tells the node when the person turns away from this page and comes back. */
export function usePresenceSignal(messaging: Messaging | null): void {
  const isAway = useIsAway()
  useEffect(() => messaging?.setPresence(isAway ? 'away' : 'online'), [messaging, isAway])
}

/** Whether somebody can see the page right now: only then what is shown counts as read. */
export function useIsWatched(): boolean {
  return useSyncExternalStore(
    (listener) => {
      const events = ['focus', 'blur'] as const
      for (const event of events) window.addEventListener(event, listener)
      document.addEventListener('visibilitychange', listener)
      return () => {
        for (const event of events) window.removeEventListener(event, listener)
        document.removeEventListener('visibilitychange', listener)
      }
    },
    () => document.visibilityState === 'visible' && document.hasFocus(),
    () => false,
  )
}
