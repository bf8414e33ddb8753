import type { LiveSample } from '@holdfast/api/services'
import type { Gateway } from '../../gateway/gateway.ts'
import type { Log } from '../../log/log.ts'
import type { DiskSpace } from '../../platform/disk.ts'
import type { Alerts } from './alerts.ts'
import type { Metrics } from './metrics.ts'

export interface PrometheusInput {
  metrics: Metrics
  gateway: Gateway
  sample: LiveSample
  log: Log
  alerts: Alerts
  auditSeq: number
  disk: DiskSpace
}

/** The node's numbers in Prometheus' text exposition format 0.0.4. */
export function prometheusText({
  metrics,
  gateway,
  sample,
  log,
  alerts,
  auditSeq,
  disk,
}: PrometheusInput): string {
  const rows: [name: string, type: 'counter' | 'gauge', help: string, value: number][] = [
    ['holdfast_messages_total', 'counter', 'Messages stored and acknowledged.', metrics.messages],
    ['holdfast_deliveries_total', 'counter', 'Entries handed to connections.', gateway.fanOut.deliveries],
    ['holdfast_commands_total', 'counter', 'Commands applied.', metrics.commands],
    ['holdfast_failed_batches_total', 'counter', 'Batches that could not be stored.', metrics.failedBatches],
    ['holdfast_log_index', 'gauge', 'Index of the newest applied batch.', log.index],
    ['holdfast_audit_events', 'gauge', 'Sequence of the newest audit event.', auditSeq],
    ['holdfast_connections', 'gauge', 'Open connections of the client protocol.', gateway.connections.size],
    ['holdfast_people_online', 'gauge', 'People with a connection.', sample.peopleOnline],
    [
      'holdfast_event_loop_p99_seconds',
      'gauge',
      '99th percentile of the event loop delay.',
      sample.eventLoopP99Ms / 1000,
    ],
    ['holdfast_disk_free_bytes', 'gauge', "Free room on the data folder's disk.", disk.freeBytes],
    ['holdfast_alerts', 'gauge', 'Alerts that stand.', alerts.list().length],
    ['process_resident_memory_bytes', 'gauge', 'Resident memory.', sample.rssBytes],
  ]
  return rows
    .map(([name, type, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`)
    .join('')
}
