'use client'

import { useSubscription } from '@trpc/tanstack-react-query'
import { useIsAway } from '../../components/use-is-away.ts'
import { trpc } from '../../lib/api.ts'
import { paths } from '../../lib/paths.ts'

/** Tells the node that its person is here, on every page but Messages, whose own connection says so. */
export function useAttendance(page: string): void {
  const away = useIsAway()
  useSubscription(trpc.presence.here.subscriptionOptions({ away }, { enabled: page !== paths.messages() }))
}
