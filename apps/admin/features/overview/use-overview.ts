'use client'

import type { Alert, LiveSample, StatusView } from '@holdfast/api/services'
import { useQuery } from '@tanstack/react-query'
import { useSubscription } from '@trpc/tanstack-react-query'
import { useCallback, useState } from 'react'
import { useNow } from '../../components/use-now.ts'
import { noteFailure, trpc } from '../../lib/api.ts'

/** Counts, disk and hashes change slowly; they are asked for anew this often. */
const statusRefreshMs = 10_000
/** Points in the charts: five minutes at one a second, as many as the node keeps. */
const chartSamples = 300
/** A node that lives sends a sample every second; after this the page says that it is stale. */
const staleMs = 5_000

export interface OverviewState {
  status: StatusView | undefined
  error: unknown
  refetch: () => void
  /** Oldest first. */
  samples: LiveSample[]
  alerts: Alert[]
  /** Milliseconds since 1970 of the newest sample; null before the first. */
  lastAt: number | null
  isStale: boolean
}

interface Live {
  samples: LiveSample[]
  alerts: Alert[] | null
}

/** Samples of the history and of the subscription as one line without doubles, oldest first. */
export function mergeSamples(history: LiveSample[], live: LiveSample[]): LiveSample[] {
  const byTime = new Map(history.map((sample) => [sample.at, sample]))
  for (const sample of live) byTime.set(sample.at, sample)
  return [...byTime.values()].sort((left, right) => left.at - right.at).slice(-chartSamples)
}

/** The node's state: what was asked for, kept fresh by what it sends every second. */
export function useOverview(): OverviewState {
  const now = useNow()
  const query = useQuery(trpc.overview.status.queryOptions(undefined, { refetchInterval: statusRefreshMs }))
  const [live, setLive] = useState<Live>({ samples: [], alerts: null })
  const take = useCallback(
    ({ alerts, ...sample }: LiveSample & { alerts: Alert[] }) =>
      setLive((kept) => ({ samples: [...kept.samples, sample].slice(-chartSamples), alerts })),
    [],
  )
  useSubscription(trpc.overview.live.subscriptionOptions(undefined, { onData: take, onError: noteFailure }))

  const samples = mergeSamples(query.data?.history ?? [], live.samples)
  const lastAt = samples.at(-1)?.at ?? null
  return {
    status: query.data,
    error: query.error,
    refetch: () => void query.refetch(),
    samples,
    alerts: live.alerts ?? query.data?.alerts ?? [],
    lastAt,
    isStale: lastAt !== null && now - lastAt > staleMs,
  }
}
