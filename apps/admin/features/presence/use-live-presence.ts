'use client'

import type { PresenceState } from '@holdfast/api/contract/frames'
import { useSubscription } from '@trpc/tanstack-react-query'
import { useCallback, useState } from 'react'
import { trpc } from '../../lib/api.ts'
import { mergePresence } from './summary.ts'

/** Everybody's presence, kept current by the node: first all, then what changed. Null until the first batch. */
export function useLivePresence() {
  const [people, setPeople] = useState<ReadonlyMap<string, PresenceState> | null>(null)
  const onData = useCallback(
    (batch: readonly PresenceState[]) => setPeople((known) => mergePresence(known ?? new Map(), batch)),
    [],
  )
  const subscription = useSubscription(trpc.presence.live.subscriptionOptions(undefined, { onData }))
  return { people, status: subscription.status, error: subscription.error, retry: subscription.reset }
}
