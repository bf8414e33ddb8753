'use client'

import type { ClusterView } from '@holdfast/api/cluster-services'
import { useQuery } from '@tanstack/react-query'
import { useSubscription } from '@trpc/tanstack-react-query'
import { useCallback, useState } from 'react'
import { useNow } from '../../components/use-now.ts'
import { noteFailure, trpc } from '../../lib/api.ts'
import { nodeNow } from '../../lib/clock.ts'

/** A node that lives tells once a second how the cluster is; after this the page says that it is stale. */
const staleMs = 5_000

export interface ClusterState {
  view: ClusterView | undefined
  error: unknown
  refetch: () => void
  /** By the node's clock; null before the first news. */
  lastAt: number | null
  isStale: boolean
}

/** The cluster as the node sees it: asked for once, then kept fresh by what it sends every second. */
export function useCluster(): ClusterState {
  const now = useNow()
  const query = useQuery(trpc.cluster.status.queryOptions())
  const [live, setLive] = useState<{ view: ClusterView; at: number } | null>(null)
  const take = useCallback((view: ClusterView) => setLive({ view, at: nodeNow() }), [])
  useSubscription(trpc.cluster.live.subscriptionOptions(undefined, { onData: take, onError: noteFailure }))

  const askedAt = query.data === undefined ? 0 : query.dataUpdatedAt
  // An answer after a change, or after the node came back, is newer than the last of the subscription.
  const isAskedNewer = live === null || askedAt > live.at
  const lastAt = live === null && query.data === undefined ? null : Math.max(live?.at ?? 0, askedAt)
  return {
    view: isAskedNewer ? query.data : live.view,
    error: query.error,
    refetch: () => void query.refetch(),
    lastAt,
    isStale: lastAt !== null && now - lastAt > staleMs,
  }
}
