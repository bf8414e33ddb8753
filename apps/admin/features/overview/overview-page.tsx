'use client'

import type { StatusView } from '@holdfast/api/services'
import { PageSection, Skeleton, Stack, StackItem } from '@patternfly/react-core'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { PageHeader } from '../../components/page-header.tsx'
import { StatusLabel } from '../../components/status-label.tsx'
import { useNow } from '../../components/use-now.ts'
import { formatDuration } from '../../lib/format.ts'
import { OverviewCharts } from './overview-charts.tsx'
import { OverviewFacts } from './overview-facts.tsx'
import { OverviewHealth } from './overview-health.tsx'
import { useOverview } from './use-overview.ts'

/** How the node is: health first, then what it does right now, then what it is. */
export function OverviewPage() {
  const overview = useOverview()
  const { status, samples, lastAt, isStale } = overview
  const sample = samples.at(-1) ?? status?.sample
  return (
    <>
      <PageHeader
        title="Overview"
        description={status === undefined ? 'Health and traffic of this node' : <Summary status={status} />}
        status={lastAt !== null && <Freshness lastAt={lastAt} isStale={isStale} />}
      />
      <PageSection hasBodyWrapper={false}>
        <Stack hasGutter>
          {overview.error !== null && status === undefined && (
            <StackItem>
              <FailureAlert error={overview.error} onRetry={overview.refetch} />
            </StackItem>
          )}
          <StackItem>
            {status === undefined && lastAt === null ? (
              <Skeleton height="5rem" screenreaderText="Loading the state of the node" />
            ) : (
              <OverviewHealth alerts={overview.alerts} isStale={isStale} lastAt={lastAt} />
            )}
          </StackItem>
          <StackItem>
            <OverviewCharts samples={samples} />
          </StackItem>
          <StackItem>
            {status === undefined || sample === undefined ? (
              <Skeleton height="16rem" screenreaderText="Loading the facts" />
            ) : (
              <OverviewFacts status={status} sample={sample} />
            )}
          </StackItem>
        </Stack>
      </PageSection>
    </>
  )
}

function Summary({ status }: { status: StatusView }) {
  const now = useNow()
  return `${status.nodeName} · version ${status.version} · up for ${formatDuration(now - status.startedAt)}`
}

/** Live, or since when not. */
function Freshness({ lastAt, isStale }: { lastAt: number; isStale: boolean }) {
  const now = useNow()
  return isStale ? (
    <StatusLabel status="stale">{`Stale for ${formatDuration(now - lastAt)}`}</StatusLabel>
  ) : (
    <StatusLabel status="live" />
  )
}
