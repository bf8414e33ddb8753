import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Alert, LiveSample, StatusView } from '@holdfast/api/services'
import type { Gateway } from '../../gateway/gateway.ts'
import type { Log } from '../../log/log.ts'
import type { Clock } from '../../platform/clock.ts'
import type { DiskSpace } from '../../platform/disk.ts'
import type { Reader } from '../../reader/reader.ts'
import type { Directory } from '../../state/directory.ts'
import type { Presence } from '../presence/presence.ts'
import type { Alerts } from './alerts.ts'
import type { Metrics } from './metrics.ts'

const sampleMs = 1000
/** Samples kept for the charts: five minutes. */
const historySamples = 300

export interface OverviewOptions {
  node: { id: string; name: string; version: string }
  mode: StatusView['mode']
  caFingerprint: () => string
  certificateExpiresAt: () => number
  addresses: () => string[]
  audit: () => { seq: number; hash: string }
  disk: () => DiskSpace
  dataDir: string
  log: Log
  directory: Directory
  gateway: Gateway
  presence: Presence
  reader: Reader
  metrics: Metrics
  alerts: Alerts
  clock: Clock
}

/** How the node is: one sample a second, and the whole picture on request. */
export class Overview {
  private readonly o: OverviewOptions
  private readonly startedAt: number
  private readonly history: LiveSample[] = []
  private readonly listeners = new Set<() => void>()
  private readonly loop = monitorEventLoopDelay({ resolution: 20 })
  private timer: NodeJS.Timeout | null = null
  private last = { messages: 0, commands: 0, deliveries: 0, cpu: process.cpuUsage(), at: performance.now() }

  constructor(options: OverviewOptions) {
    this.o = options
    this.startedAt = options.clock.now()
  }

  start(): void {
    this.loop.enable()
    this.history.push(this.sample())
    this.timer = setInterval(() => {
      this.history.push(this.sample())
      if (this.history.length > historySamples) this.history.shift()
      for (const listener of this.listeners) listener()
    }, sampleMs)
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer)
    this.loop.disable()
    for (const listener of this.listeners) listener()
  }

  get latest(): LiveSample {
    return this.history.at(-1) ?? this.sample()
  }

  async status(): Promise<StatusView> {
    const { directory, reader, node, log, clock, alerts } = this.o
    const stats = await reader.ask('stats', null)
    const disk = this.o.disk()
    const audit = this.o.audit()
    const devices = [...directory.devices.values()]
    const wal = await stat(join(this.o.dataDir, 'cluster.db-wal')).catch(() => null)
    return {
      facility: directory.setting('facility', ''),
      nodeId: node.id,
      nodeName: node.name,
      version: node.version,
      mode: this.o.mode,
      caFingerprint: this.o.caFingerprint(),
      startedAt: this.startedAt,
      now: clock.now(),
      people: [...directory.people.values()].filter((p) => p.status !== 'erased').length,
      devices: {
        approved: devices.filter((d) => d.status === 'approved').length,
        pending: devices.filter((d) => d.status === 'pending').length,
      },
      channels: [...directory.channels.values()].filter((c) => c.kind !== 'direct' && c.archivedAt === null)
        .length,
      messages: stats.messages,
      dataBytes: stats.databaseBytes + (wal?.size ?? 0),
      diskFreeBytes: disk.freeBytes,
      diskTotalBytes: disk.totalBytes,
      logIndex: log.index,
      stateChain: log.chain,
      auditEvents: audit.seq,
      auditHead: audit.hash,
      searchLag: stats.searchLag,
      addresses: this.o.addresses(),
      certificateExpiresAt: this.o.certificateExpiresAt(),
      alerts: alerts.list(),
      sample: this.latest,
      history: [...this.history],
    }
  }

  /** One sample a second until the signal aborts; a slow reader skips to the newest. */
  async *live(signal: AbortSignal): AsyncGenerator<LiveSample & { alerts: Alert[] }> {
    let wake: () => void = () => {}
    const listener = () => wake()
    this.listeners.add(listener)
    signal.addEventListener('abort', listener)
    try {
      while (!signal.aborted && this.timer !== null) {
        yield { ...this.latest, alerts: this.o.alerts.list() }
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    } finally {
      this.listeners.delete(listener)
      signal.removeEventListener('abort', listener)
    }
  }

  private sample(): LiveSample {
    const { metrics, gateway, presence, log, clock } = this.o
    const at = performance.now()
    const seconds = Math.max(0.001, (at - this.last.at) / 1000)
    const cpu = process.cpuUsage(this.last.cpu)
    const deliveries = gateway.fanOut.deliveries
    const latencies = metrics.takeLatencies()
    const sample: LiveSample = {
      at: clock.now(),
      messagesPerSecond: (metrics.messages - this.last.messages) / seconds,
      deliveriesPerSecond: (deliveries - this.last.deliveries) / seconds,
      commandsPerSecond: (metrics.commands - this.last.commands) / seconds,
      connections: gateway.connections.size,
      peopleOnline: presence.onlineCount,
      ackP50Ms: latencies.p50,
      ackP99Ms: latencies.p99,
      rssBytes: process.memoryUsage.rss(),
      cpuPercent: ((cpu.user + cpu.system) / 1e6 / seconds) * 100,
      eventLoopP99Ms: this.loop.percentile(99) / 1e6,
      logIndex: log.index,
    }
    this.loop.reset()
    this.last = {
      messages: metrics.messages,
      commands: metrics.commands,
      deliveries,
      cpu: process.cpuUsage(),
      at,
    }
    return sample
  }
}
