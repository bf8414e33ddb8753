'use client'

import type { PresenceState } from '@holdfast/api/contract/frames'
import type { PersonView } from '@holdfast/api/services'
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

/** For what carries a presence of some seconds ago: the one of now, or that one while the line to the node is cut. */
export function usePresenceNow(): (person: Pick<PersonView, 'id' | 'presence'>) => PresenceState['state'] {
  const { people, status } = useLivePresence()
  return (person) => (status === 'pending' ? people?.get(person.id)?.state : undefined) ?? person.presence
}
