import type { PeerView, Services } from '@holdfast/api/services'
import { clientAddresses } from '../cluster/client-addresses.ts'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import type { Config } from '../config/config.ts'
import type { Core } from '../core.ts'
import type { ChannelStates } from '../gateway/channel-states.ts'
import type { Reader } from '../reader/reader.ts'
import { AuditService } from './audit/audit.ts'
import { auditKeyFile } from './audit/audit-key.ts'
import type { AuditReader } from './audit/audit-reader.ts'
import type { AuditCheckpoints } from './audit/checkpoints.ts'
import type { SecurityEvents } from './audit/security-events.ts'
import type { AuditSegments } from './audit/segments.ts'
import { AuthService, callerActor } from './auth/auth.ts'
import type { SetupService } from './auth/setup.ts'
import type { Backups } from './backup/backups.ts'
import { ChannelsService } from './channels/channels.ts'
import { ClusterService } from './cluster/cluster.ts'
import { DevicesService } from './devices/devices.ts'
import type { DeviceQueries } from './devices/queries.ts'
import type { Peer } from './discovery/peer-map.ts'
import { GroupsService, PeopleService } from './identity/identity.ts'
import { MessagesService } from './messaging/messaging.ts'
import type { Overview } from './overview/overview.ts'
import type { Presence } from './presence/presence.ts'
import type { NodeSettingsFile } from './settings/node-settings.ts'
import { SettingsService } from './settings/settings.ts'
import type { Updates } from './updates/updates.ts'

export interface ServicesOptions {
  core: Core
  reader: Reader
  presence: Presence
  states: ChannelStates
  overview: Overview
  setup: SetupService
  nodeSettings: NodeSettingsFile
  deviceQueries: DeviceQueries
  auditReader: AuditReader
  checkpoints: AuditCheckpoints
  segments: AuditSegments
  peers: () => PeerView[]
  security: SecurityEvents
  /** Resolves when this node knows the newest, or cannot. */
  newest: () => Promise<unknown>
  backups: Backups
  updates: Updates
  cluster: ClusterNode | null
  config: Config
  startedAt: number
  httpsPort: () => number
  restart: (reason: string) => void
}

/** The services as the routers call them. */
export function buildServices(options: ServicesOptions): Services {
  const { core, reader, presence, states, overview, setup, nodeSettings, deviceQueries, segments } = options
  const { directory, proposer, passwords, dpop, clock, db, folder, logger } = core
  const { security, newest } = options
  const auth = new AuthService({ directory, db, proposer, passwords, dpop, clock, logger, newest })
  const channels = new ChannelsService({ directory, proposer, states })
  return {
    security: {
      refused: (caller, action) => security.refused(callerActor(caller), action, `role ${caller.role}`),
    },
    setup: {
      state: () => setup.state(),
      checkCode: (value, origin) => setup.checkCode(value, origin),
      complete: (value, origin) => setup.complete(value, origin, auth),
    },
    auth,
    overview,
    presence,
    people: new PeopleService({ directory, proposer, passwords, presence, devices: deviceQueries, clock }),
    groups: new GroupsService(directory, proposer),
    channels,
    messages: new MessagesService({ directory, reader, states, channels }),
    devices: new DevicesService({
      directory,
      proposer,
      queries: deviceQueries,
      dpop,
      authority: () => folder.trust.authority,
      clock,
    }),
    audit: new AuditService({
      reader: options.auditReader,
      proposer,
      directory: folder.auditDirectory,
      database: folder.clusterFile,
      key: { node: folder.identity.nodeId, file: auditKeyFile(folder.path) },
      segments,
      checkpoints: options.checkpoints,
    }),
    settings: new SettingsService({
      directory,
      proposer,
      nodeId: folder.identity.nodeId,
      store: nodeSettings,
    }),
    discovery: { peers: options.peers },
    cluster: new ClusterService(options),
    backups: options.backups,
    updates: options.updates,
    others: () => clientAddresses(directory, folder.identity.nodeId),
  }
}

export function peerViews(peers: readonly Peer[], ownNodeId: string): PeerView[] {
  return peers.map((peer) => ({
    nodeId: peer.nodeId ?? '',
    name: peer.nodeName ?? peer.key,
    facility: peer.facility ?? '',
    setUp: (peer.facility ?? '') !== '',
    addresses: peer.addresses,
    port: peer.port,
    origin: peer.origins.join(', '),
    verified: peer.verified,
    lastSeenAt: peer.lastSeenAt ?? 0,
    self: peer.nodeId === ownNodeId,
  }))
}
