'use client'

import type { LiveSample } from '@holdfast/api/services'
import { Card, CardBody, Gallery, Skeleton } from '@patternfly/react-core'
import type { ReactNode } from 'react'
import { LiveChart } from '../../components/live-chart.tsx'
import { formatBytes, formatMs, formatNumber, formatRate } from '../../lib/format.ts'

/** Axes reach at least this high, so that an idle node looks idle. */
const leastRate = 10
const leastLatencyMs = 10
const leastConnections = 10
const leastMemoryBytes = 256 * 1024 * 1024
const chartHeightPx = 128
/** Lines of the memory axis stand at powers of two. */
const memoryStepsBytes = Array.from({ length: 12 }, (_, power) => 2 ** power * 16 * 1024 * 1024)

/** The last five minutes of the node in four charts. */
export function OverviewCharts({ samples }: { samples: LiveSample[] }) {
  if (samples.length === 0)
    return (
      <ChartGrid>
        {['messages', 'latency', 'connections', 'memory'].map((each) => (
          <Skeleton key={each} height={`${chartHeightPx + 30}px`} screenreaderText="Loading the chart" />
        ))}
      </ChartGrid>
    )
  const times = samples.map((sample) => sample.at)
  return (
    <ChartGrid>
      <LiveChart
        title="Messages per second"
        times={times}
        format={formatRate}
        atLeast={leastRate}
        heightPx={chartHeightPx}
        series={[
          {
            label: 'stored',
            color: 'blue',
            isFilled: true,
            values: samples.map((sample) => sample.messagesPerSecond),
          },
          { label: 'delivered', color: 'teal', values: samples.map((sample) => sample.deliveriesPerSecond) },
        ]}
      />
      <LiveChart
        title="Time to acknowledge"
        times={times}
        format={formatMs}
        atLeast={leastLatencyMs}
        heightPx={chartHeightPx}
        series={[
          { label: 'median', color: 'blue', values: samples.map((sample) => sample.ackP50Ms) },
          { label: '99th percentile', color: 'orange', values: samples.map((sample) => sample.ackP99Ms) },
        ]}
      />
      <LiveChart
        title="Connected"
        times={times}
        format={formatNumber}
        atLeast={leastConnections}
        heightPx={chartHeightPx}
        series={[
          {
            label: 'connections',
            color: 'blue',
            isFilled: true,
            values: samples.map((sample) => sample.connections),
          },
          { label: 'people', color: 'purple', values: samples.map((sample) => sample.peopleOnline) },
        ]}
      />
      <LiveChart
        title="Memory of the daemon"
        times={times}
        format={formatBytes}
        atLeast={leastMemoryBytes}
        steps={memoryStepsBytes}
        heightPx={chartHeightPx}
        series={[
          {
            label: 'resident',
            color: 'teal',
            isFilled: true,
            values: samples.map((sample) => sample.rssBytes),
          },
        ]}
      />
    </ChartGrid>
  )
}

function ChartGrid({ children }: { children: ReactNode[] }) {
  return (
    <Gallery hasGutter minWidths={{ default: '100%', md: '360px' }}>
      {children.map((child, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the charts are always the same four
        <Card isCompact key={index}>
          <CardBody>{child}</CardBody>
        </Card>
      ))}
    </Gallery>
  )
}
