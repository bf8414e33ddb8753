/**
 * The composition root: builds everything, in the order in which it depends on each other, and stops it in reverse.
 * 1 data folder (lock, migrations, keys) · 2 log and state machine · 3 memory and readers · 4 services · 5 gateway ·
 * 6 HTTP, which makes the node reachable · 7 discovery, which tells others · 8 timers.
 */
import { createPrivateKey, sign } from 'node:crypto'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { protocolVersion } from '@holdfast/api/contract/frames'
import type { ClusterPrisma } from '@holdfast/db/prisma'
import { CertificateRenewal } from './certificate-renewal.ts'
import { clientAddresses } from './cluster/client-addresses.ts'
import type { ClusterNode } from './cluster/cluster-node.ts'
import type { Config } from './config/config.ts'
import { readSecretFile, type Secret } from './config/secrets.ts'
import { auditCheckpoints, auditRowsOf, auditSegments, Core, type FailureListener, version } from './core.ts'
import { type DataFolder, ownNames } from './data-folder.ts'
import { ChannelStates } from './gateway/channel-states.ts'
import { ClientFrames } from './gateway/client-frames.ts'
import { Gateway } from './gateway/gateway.ts'
import { TypingRelay } from './gateway/typing-relay.ts'
import { builtUi } from './http/built-ui.ts'
import { HttpServer } from './http/http-server.ts'
import type { Commit } from './log/log.ts'
import { systemClock } from './platform/clock.ts'
import { DiskGuard } from './platform/disk-guard.ts'
import type { Logger } from './platform/logger.ts'
import { Reader } from './reader/reader.ts'
import { AuditReader } from './services/audit/audit-reader.ts'
import type { AuditCheckpoints } from './services/audit/checkpoints.ts'
import { SecurityEvents } from './services/audit/security-events.ts'
import type { AuditSegments } from './services/audit/segments.ts'
import { SessionGuard } from './services/auth/session-guard.ts'
import type { SetupService } from './services/auth/setup.ts'
import type { Backups } from './services/backup/backups.ts'
import { nodeBackups } from './services/backup/node-backups.ts'
import { DeviceQueries } from './services/devices/queries.ts'
import { Discovery } from './services/discovery/discovery.ts'
import { MarkCollector } from './services/messaging/mark-collector.ts'
import { Retention } from './services/messaging/retention.ts'
import { Overview } from './services/overview/overview.ts'
import { prometheusText } from './services/overview/prometheus.ts'
import { Presence } from './services/presence/presence.ts'
import { buildServices, peerViews } from './services/services.ts'
import { NodeSettingsFile } from './services/settings/node-settings.ts'
import { NodeUpdates } from './services/updates/node-updates.ts'
import { systemActor } from './state/commands.ts'
import { validity } from './trust/certificates.ts'

const site = 'main'
/** Audit events that a crash may keep from the files; more were taken away. */
const crashEvents = 100
/** How often the node looks whether its certificate is due, and names every address that the machine has by now. */

export interface NodeOptions {
  config: Config
  folder: DataFolder
  logger: Logger
  /** Sockets that the service manager opened for this node. */
  listeningSockets: readonly number[]
  /** Makes this node's part in its cluster; null on a single node. */
  makeCluster: ((onFailure: FailureListener) => ClusterNode) | null
  /** Stops this node and starts it anew, in this process; used when it changes what it is. */
  restart: (reason: string) => void
}

export class Node {
  private readonly config: Config
  private readonly logger: Logger
  private readonly core: Core
  private readonly reader: Reader
  private readonly auditReader: AuditReader
  private readonly presence: Presence
  private readonly marks: MarkCollector
  private readonly gateway: Gateway
  private readonly sessions: SessionGuard
  private readonly security: SecurityEvents
  private readonly states: ChannelStates
  private readonly segments: AuditSegments
  private readonly checkpoints: AuditCheckpoints
  private readonly disk: DiskGuard
  private readonly overview: Overview
  private readonly retention: Retention
  private readonly backups: Backups
  private readonly updates: NodeUpdates
  private readonly setup: SetupService
  private readonly nodeSettings: NodeSettingsFile
  private prismaClient: Promise<ClusterPrisma> | null = null
  private http: HttpServer | null = null
  private discovery: Discovery | null = null
  private port = 0
  private ready = false
  private readonly renewal: CertificateRenewal
  private auditHead = { seq: 0, hash: '' }
  private metricsToken: Secret | null = null
  private readonly cluster: ClusterNode | null
  private readonly listeningSockets: readonly number[]
  private readonly restart: (reason: string) => void
  /** Why nobody is served for now; null: everybody is. */
  private unfit: string | null = null
  private readonly startedAt = systemClock.now()

  constructor({ config, folder, logger, listeningSockets, makeCluster, restart }: NodeOptions) {
    this.config = config
    this.logger = logger
    this.listeningSockets = listeningSockets
    this.restart = restart
    let cluster: ClusterNode | null = null
    this.core = new Core(folder, logger, systemClock, (onFailure) => {
      cluster = makeCluster?.(onFailure) ?? null
      return cluster?.log ?? null
    })
    // Assigned in the call above, which the compiler cannot see.
    this.cluster = cluster as ClusterNode | null
    const { log, directory, clock, alerts, metrics, proposer, db } = this.core
    const node = {
      id: folder.identity.nodeId,
      version,
      // The set-up names the node while it runs.
      get name() {
        return folder.identity.nodeName
      },
    }
    this.reader = new Reader({ databaseFile: folder.clusterFile, searchFile: folder.searchFile }, logger)
    this.auditReader = new AuditReader(folder.clusterFile, logger)
    this.presence = new Presence({ directory, log, clock, site })
    if (this.cluster) this.presence.join(this.cluster.links, { nodeName: node.name })
    this.marks = new MarkCollector(log)
    this.security = new SecurityEvents({ proposer, logger, clock })
    this.sessions = new SessionGuard({
      directory,
      dpop: this.core.dpop,
      security: this.security,
      clock,
      catchUp: () => log.readIndex(),
    })
    this.renewal = new CertificateRenewal({
      renew: (nowMs) => folder.renewTrust(nowMs),
      use: () => this.useCertificates(),
      clock,
      alerts,
      logger,
    })
    this.states = new ChannelStates(directory, db)
    this.gateway = new Gateway({
      node,
      directory,
      sessions: this.sessions,
      presence: this.presence,
      channelStates: this.states,
      metrics,
      clock,
      logger,
      nodes: () => clientAddresses(directory).map(({ url }) => url),
    })
    this.segments = auditSegments(this.core, (lacked) => this.auditRestored(lacked))
    this.checkpoints = auditCheckpoints(
      this.core,
      this.auditReader,
      () => this.cluster === null || this.cluster.leader()?.id === node.id,
    )
    this.disk = new DiskGuard({
      dataDir: folder.path,
      alerts,
      logger,
      onChange: (level, message) => {
        if (level !== 'low')
          this.gateway.broadcast({
            t: 'notice',
            level: level === 'full' ? 'alert' : 'info',
            code: 'disk',
            message,
          })
        // The index would take the reserve, which is for signing in and for revoking.
        return this.reader.pauseIndex(level === 'full')
      },
    })
    this.core.onFailure = (code) => {
      metrics.failedBatches += 1
      if (code === 'disk-full') this.disk.writeFailed()
    }
    this.overview = new Overview({
      node,
      mode: this.cluster === null ? 'single' : 'cluster',
      caFingerprint: () => folder.caFingerprint.colons,
      certificateExpiresAt: () => validity(folder.trust.node.certificate).until,
      addresses: () =>
        ownNames(config.publicNames)
          .ipAddresses.filter((a) => a !== '127.0.0.1' && !a.startsWith('::1') && !a.startsWith('fe80'))
          .map((a) => (a.includes(':') ? `https://[${a}]:${this.port}` : `https://${a}:${this.port}`)),
      audit: () => this.auditHead,
      disk: () => this.disk.space,
      dataDir: folder.path,
      log,
      directory,
      gateway: this.gateway,
      presence: this.presence,
      reader: this.reader,
      metrics,
      alerts,
      clock,
    })
    const leads = () => this.cluster?.log.leads ?? true
    this.retention = new Retention({ directory, proposer, db, clock, logger, leads })
    this.backups = nodeBackups({ core: this.core, cluster: this.cluster, config, version })
    this.nodeSettings = new NodeSettingsFile(folder.nodeDb, clock)
    this.setup = this.core.setup(() => void this.restartDiscovery())
    const isSetUp = () => this.setup.setUp
    this.updates = new NodeUpdates({ core: this.core, cluster: this.cluster, isSetUp })
  }

  /** The one-time code for the console; null once the node is set up. */
  async setupCode(): Promise<string | null> {
    if (this.setup.setUp || this.cluster !== null) return null
    return await this.core.setupCode.open()
  }

  async start(): Promise<number> {
    const { core, gateway, presence, marks, reader, states, sessions } = this
    const { directory, log, clock, metrics } = core
    await core.start((commit) => this.committed(commit))
    this.readAuditHead()
    await reader.start()
    gateway.start(
      new ClientFrames({
        gateway,
        security: this.security,
        log,
        reader,
        directory,
        sessions,
        presence,
        marks,
        channelStates: states,
        metrics,
        clock,
        typing: this.typingRelay(),
        refusal: () => this.disk.refusal(),
      }),
    )
    await this.disk.start()
    if (this.config.metricsTokenFile !== null)
      this.metricsToken = await readSecretFile(this.config.metricsTokenFile, 'the metrics token')
    this.overview.start()
    this.http = this.buildHttp()
    const { port } = await this.http.start()
    this.port = port
    await this.cluster?.start(
      core,
      {
        writable: (writable, reason) => this.quorumChanged(writable, reason),
        unfit: (reason) => this.fitnessChanged(reason),
      },
      port,
    )
    this.ready = true
    presence.start()
    this.retention.start()
    this.backups.start()
    this.updates.start()
    void this.segments.start()
    void this.checkpoints.start()
    this.renewal.start()
    void this.startDiscovery()
    return port
  }

  async stop(): Promise<void> {
    this.ready = false
    this.renewal.stop()
    await this.discovery?.stop()
    await this.cluster?.stop()
    this.gateway.stop()
    this.overview.stop()
    await this.http?.[Symbol.asyncDispose]()
    this.retention.stop()
    await this.backups.stop()
    this.updates.stop()
    this.marks.flush()
    this.presence.stop()
    await this.disk.stop()
    await this.checkpoints.stop()
    await this.segments[Symbol.asyncDispose]()
    await this.reader.stop()
    await this.auditReader.stop()
    await (await this.prismaClient)?.$disconnect()
    await this.core.stop()
  }

  /** What a commit changes beyond memory: sockets, audit files, index. */
  private committed(commit: Commit): void {
    let revalidate = false
    let entries = 0
    const events = auditRowsOf(commit)
    for (const effect of commit.effects) {
      if (effect.e === 'entries') entries += effect.count
      else if (effect.e === 'expired') entries += 1
      else if (effect.e === 'changed') {
        if (effect.kind === 'channel') this.channelChanged(effect.id)
        else if (effect.kind === 'session') revalidate ||= !this.core.directory.sessions.has(effect.id)
        else if (effect.kind === 'device' || effect.kind === 'person') revalidate = true
        else if (effect.kind === 'node') this.cluster?.nodesChanged()
      }
    }
    this.gateway.committed(commit)
    this.checkpoints.committed(commit)
    if (revalidate) this.revalidate()
    if (entries > 0) this.reader.entriesStored(entries)
    const last = events.at(-1)
    if (last) {
      this.auditHead = { seq: last.seq, hash: Buffer.from(last.hash).toString('hex') }
      this.segments.append(events)
    }
  }

  /** The cluster began or ended to take changes. */
  private quorumChanged(writable: boolean, reason: string | null): void {
    const { alerts } = this.core
    if (writable) alerts.clear('quorum')
    else alerts.raise('alert', 'quorum', reason ?? 'The cluster takes no changes.')
    this.logger.warn(
      { writable, reason },
      writable ? 'the cluster takes changes' : 'the cluster takes no changes',
    )
    this.gateway.broadcast({
      t: 'notice',
      level: writable ? 'info' : 'alert',
      code: 'quorum',
      message: reason ?? 'The cluster takes changes again.',
    })
  }

  /** This node began or ended to be fit to serve. */
  private fitnessChanged(reason: string | null): void {
    this.unfit = reason
    if (reason === null) return
    this.core.alerts.raise('alert', 'unfit', reason)
    this.gateway.drain(reason)
  }

  /** Files that lacked events were cut by a crash, which leaves a few, or by somebody, who has to be asked about it. */
  private auditRestored(lacked: { fromSeq: number; events: number }): void {
    const { proposer, alerts, logger } = this.core
    // A state that was just taken from another node brings its whole history.
    if (lacked.events > crashEvents && !this.core.folder.installation.installed)
      alerts.raise(
        'warning',
        'audit-restored',
        `The audit files lacked ${lacked.events} events from number ${lacked.fromSeq} on and were written again from the database. Find out who removed them.`,
      )
    proposer
      .propose('audit.used', systemActor, { action: 'audit.restored', detail: lacked })
      .catch((error: Error) => logger.warn({ err: error }, 'the repair of the audit files was not recorded'))
  }

  private channelChanged(id: string): void {
    const channel = this.core.directory.channels.get(id)
    if (channel) this.gateway.channelChanged(id, channel.no)
  }

  private revalidate(): void {
    this.gateway.revalidate()
    this.http?.closeSessions((caller) => this.sessions.whyEnded(caller.sessionId, caller.deviceId) !== null)
    // Subscriptions whose role changed end here; those that stay are not touched.
    void this.http?.checkSessions()
  }

  private useCertificates(): void {
    const { node, authority } = this.core.folder.trust
    this.http?.reloadCertificate({ key: node.key, cert: node.certificate, ca: authority.certificate })
    this.cluster?.reload()
  }

  private buildHttp(): HttpServer {
    const { config, core, sessions, gateway, logger } = this
    const { folder, directory, clock, alerts } = core
    const uiDirectory = config.uiDir ?? builtUi()
    const services = buildServices({
      core,
      reader: this.reader,
      presence: this.presence,
      states: this.states,
      overview: this.overview,
      setup: this.setup,
      nodeSettings: this.nodeSettings,
      deviceQueries: new DeviceQueries(() => this.prisma(), this.presence),
      auditReader: this.auditReader,
      checkpoints: this.checkpoints,
      segments: this.segments,
      security: this.security,
      newest: () => this.sessions.newest(),
      backups: this.backups,
      updates: this.updates.service,
      peers: () => peerViews(this.discovery?.peers() ?? [], folder.identity.nodeId),
      cluster: this.cluster,
      config,
      startedAt: this.startedAt,
      httpsPort: () => this.port,
      restart: this.restart,
    })
    return new HttpServer({
      config,
      listeningSockets: this.listeningSockets,
      tls: {
        key: folder.trust.node.key,
        cert: folder.trust.node.certificate,
        ca: folder.trust.authority.certificate,
      },
      services,
      authenticate: async (credentials, origin) => {
        // Nothing was done: whoever asks may ask another node.
        if (this.unfit !== null) throw new HoldfastError('no-quorum', this.unfit, { retryAfterMs: 1000 })
        const caller = await sessions.authenticate(credentials, origin)
        this.presence.seen(caller.personId, caller.deviceId)
        return caller
      },
      acceptClient: (socket, meta) => gateway.accept(socket, meta),
      readiness: () => this.updates.readiness(this.ready, this.unfit),
      closed: () => this.updates.closed,
      metrics: () =>
        prometheusText({
          metrics: core.metrics,
          gateway,
          sample: this.overview.latest,
          log: core.log,
          alerts,
          auditSeq: this.auditHead.seq,
          disk: this.disk.space,
        }),
      metricsToken: this.metricsToken,
      wellKnown: () => ({
        holdfast: version,
        protocols: [protocolVersion],
        facility: directory.setting('facility', ''),
        node: { id: folder.identity.nodeId, name: folder.identity.nodeName },
        setUp: this.setup.setUp,
        caFingerprint: folder.caFingerprint.hex,
        paths: { client: '/client/v1', trpc: '/trpc', ca: '/ca.pem' },
      }),
      uiDirectory,
      logger,
      clock,
    })
  }

  /** Tells the other nodes who is typing; null on a single node. */
  private typingRelay(): TypingRelay | null {
    if (this.cluster === null) return null
    const { directory, clock } = this.core
    return new TypingRelay({ peers: this.cluster.links, directory, fanOut: this.gateway.fanOut, clock })
  }

  private prisma(): Promise<ClusterPrisma> {
    this.prismaClient ??= import('@holdfast/db/prisma').then(({ createClusterPrisma }) =>
      createClusterPrisma(this.core.folder.clusterFile),
    )
    return this.prismaClient
  }

  private readAuditHead(): void {
    const row = this.core.db
      .prepare('SELECT auditSeq AS seq, hex(auditHash) AS hash FROM applied WHERE id = 1')
      .get() as { seq: number; hash: string } | undefined
    if (row) this.auditHead = { seq: row.seq, hash: row.hash.toLowerCase() }
  }

  /** The node has another name and a facility from now on. */
  private async restartDiscovery(): Promise<void> {
    await this.discovery?.stop()
    await this.startDiscovery()
  }

  /** Announces this node; one without a facility can so be found by a cluster that takes it in. */
  private async startDiscovery(): Promise<void> {
    const { folder, directory } = this.core
    const key = createPrivateKey(folder.trust.node.key)
    this.discovery = new Discovery({
      identity: {
        nodeId: folder.identity.nodeId,
        nodeName: folder.identity.nodeName,
        facility: directory.setting('facility', ''),
        siteName: site,
        httpsPort: this.port,
        version,
        caFingerprint: folder.caFingerprint.hex,
      },
      certificate: folder.trust.node.certificate,
      sign: (bytes) => sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }),
      settings: this.nodeSettings.read().discovery,
      log: this.logger,
      ports: { beacon: this.config.beaconPort },
    })
    this.nodeSettings.attach(this.discovery)
    await this.discovery.start()
  }
}
