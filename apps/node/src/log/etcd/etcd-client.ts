import {
  type ClientDuplexStream,
  type ClientOptions,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'
import { EtcdError } from './errors.ts'
import { etcdSchema } from './etcd-schema.ts'

/** Deadlines, ms. */
const callMs = 5000
/** A watch's stream, and every call, notices within their sum that etcd does not answer any more. */
const keepaliveMs = 5000
const keepaliveTimeoutMs = 3000
const firstReconnectMs = 100
const lastReconnectMs = 500
/** Compacting rewrites much of the database file. */
const maintenanceMs = 60_000

export interface EtcdCredentials {
  /** PEM. */
  ca: string
  certificate: string
  key: string
}

export interface EtcdMember {
  /** Decimal. */
  id: string
  /** Empty until the member has started once. */
  name: string
  peerUrls: string[]
  learner: boolean
}

export interface EtcdStatus {
  version: string
  memberId: string
  /** Member id, decimal; null when there is none. */
  leader: string | null
  term: number
  revision: number
  databaseBytes: number
  databaseInUseBytes: number
  learner: boolean
  errors: string[]
}

export interface KeyValue {
  key: string
  value: Buffer
  version: number
  modRevision: number
}

export interface WatchListener {
  /** Whole events in the order of the log. */
  events(events: KeyValue[], revision: number): void
  /** The watch is over: broken (`compactRevision` 0), or the log begins only there. */
  ended(reason: string, compactRevision: number): void
}

export interface Watch {
  pause(): void
  resume(): void
  close(): void
}

interface RawKeyValue {
  key: Buffer
  value: Buffer
  version: string
  mod_revision: string
}
interface RawMember {
  ID: string
  name: string
  peerURLs: string[]
  isLearner: boolean
}
interface RawWatchResponse {
  header: { revision: string }
  created: boolean
  canceled: boolean
  compact_revision: string
  cancel_reason: string
  events: { type: string; kv: RawKeyValue }[]
}

type Unary = (
  request: unknown,
  metadata: Metadata,
  options: { deadline: number },
  callback: (error: ServiceError | null, response: never) => void,
) => void
type Service = Record<string, Unary> & { close(): void }
type ServiceConstructor = new (
  address: string,
  channel: ReturnType<typeof credentials.createSsl>,
  options: ClientOptions,
) => Service

const serviceNames = ['KV', 'Watch', 'Cluster', 'Maintenance'] as const
type ServiceName = (typeof serviceNames)[number]

/** A thin client of one etcd (etcd v3 API over gRPC). It retries nothing: the log knows what may be repeated. */
export class EtcdClient {
  private readonly services: Record<ServiceName, Service>
  private readonly withLeader = new Metadata()

  /** @param address host:port of the client API */
  constructor(address: string, tls: EtcdCredentials) {
    const definition = fromJSON(etcdSchema, { keepCase: true, longs: String, enums: String, defaults: true })
    const loaded = loadPackageDefinition(definition).etcdserverpb as unknown as Record<
      ServiceName,
      ServiceConstructor
    >
    const channel = credentials.createSsl(
      Buffer.from(tls.ca),
      Buffer.from(tls.key),
      Buffer.from(tls.certificate),
    )
    const options: ClientOptions = {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.keepalive_time_ms': keepaliveMs,
      'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
      'grpc.keepalive_permit_without_calls': 1,
      'grpc.initial_reconnect_backoff_ms': firstReconnectMs,
      'grpc.max_reconnect_backoff_ms': lastReconnectMs,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
      // An address is no server name (RFC 6066, section 3); the certificate carries this one as well.
      'grpc.ssl_target_name_override': 'localhost',
      'grpc.default_authority': 'localhost',
    }
    this.services = Object.fromEntries(
      serviceNames.map((name) => [name, new loaded[name](address, channel, options)]),
    ) as Record<ServiceName, Service>
    // Refused at once, instead of hanging, while there is no leader (etcd's rpctypes.MetadataRequireLeaderKey).
    this.withLeader.set('hasleader', 'true')
  }

  /** @returns the revision of the write */
  async put(key: string, value: string | Buffer, deadlineMs = callMs): Promise<number> {
    const request = { key: Buffer.from(key), value: typeof value === 'string' ? Buffer.from(value) : value }
    const { header } = await this.call<{ header: { revision: string } }>('KV', 'Put', request, deadlineMs)
    return Number(header.revision)
  }

  /** Every key that begins with `prefix`, as of now on the whole cluster. */
  async list(prefix: string, { keysOnly = false } = {}): Promise<KeyValue[]> {
    const request = { key: Buffer.from(prefix), range_end: prefixEnd(prefix), keys_only: keysOnly }
    const { kvs } = await this.call<{ kvs: RawKeyValue[] }>('KV', 'Range', request)
    return kvs.map(keyValue)
  }

  async remove(key: string): Promise<void> {
    await this.call('KV', 'DeleteRange', { key: Buffer.from(key) })
  }

  /** Forgets what came before `revision`. */
  async compact(revision: number): Promise<void> {
    await this.call('KV', 'Compact', { revision: String(revision), physical: false }, maintenanceMs)
  }

  /** Brings every write of keys that begin with `prefix`, from `startRevision` on. */
  watch(prefix: string, startRevision: number, listener: WatchListener): Watch {
    const open = this.services.Watch.Watch as unknown as (
      metadata: Metadata,
    ) => ClientDuplexStream<unknown, RawWatchResponse>
    const stream = open.call(this.services.Watch, this.withLeader)
    let over = false
    const end = (reason: string, compactRevision: number) => {
      if (over) return
      over = true
      stream.cancel()
      listener.ended(reason, compactRevision)
    }
    stream.on('data', (response: RawWatchResponse) => {
      if (over) return
      if (response.canceled) {
        end(response.cancel_reason, Number(response.compact_revision))
        return
      }
      const puts = response.events.filter((event) => event.type === 'PUT')
      if (puts.length > 0)
        listener.events(
          puts.map((event) => keyValue(event.kv)),
          Number(response.header.revision),
        )
    })
    stream.on('error', (error: ServiceError) => end(error.details || error.message, 0))
    stream.on('end', () => end('etcd closed the stream', 0))
    stream.write({
      create_request: {
        key: Buffer.from(prefix),
        range_end: prefixEnd(prefix),
        start_revision: String(startRevision),
        // A response over the message limit comes in parts, each of whole events.
        fragment: true,
      },
    })
    return {
      pause: () => stream.pause(),
      resume: () => stream.resume(),
      close: () => {
        over = true
        stream.cancel()
      },
    }
  }

  async status(deadlineMs = 1000): Promise<EtcdStatus> {
    interface Raw {
      header: { member_id: string; revision: string }
      version: string
      dbSize: string
      dbSizeInUse: string
      leader: string
      raftTerm: string
      errors: string[]
      isLearner: boolean
    }
    const raw = await this.call<Raw>('Maintenance', 'Status', {}, deadlineMs)
    return {
      version: raw.version,
      memberId: raw.header.member_id,
      leader: raw.leader === '0' ? null : raw.leader,
      term: Number(raw.raftTerm),
      revision: Number(raw.header.revision),
      databaseBytes: Number(raw.dbSize),
      databaseInUseBytes: Number(raw.dbSizeInUse),
      learner: raw.isLearner,
      errors: raw.errors,
    }
  }

  /** @param current asks the leader instead of this etcd alone */
  async members(current = true): Promise<EtcdMember[]> {
    return this.memberCall('MemberList', { linearizable: current })
  }

  /** Adds a member that learns before it votes. */
  async addLearner(peerUrl: string): Promise<EtcdMember[]> {
    return this.memberCall('MemberAdd', { peerURLs: [peerUrl], isLearner: true })
  }

  /** @throws EtcdError as long as the learner is not near enough to the leader */
  async promote(id: string): Promise<EtcdMember[]> {
    return this.memberCall('MemberPromote', { ID: id })
  }

  async removeMember(id: string): Promise<EtcdMember[]> {
    return this.memberCall('MemberRemove', { ID: id })
  }

  async updateMember(id: string, peerUrl: string): Promise<EtcdMember[]> {
    return this.memberCall('MemberUpdate', { ID: id, peerURLs: [peerUrl] })
  }

  /** Hands the leadership to another voter. @throws EtcdError when this etcd does not lead, or the other one does not take it */
  async moveLeader(id: string): Promise<void> {
    await this.call('Maintenance', 'MoveLeader', { targetID: id })
  }

  /** Gives free space of the database file back; etcd answers nothing else meanwhile. */
  async defragment(): Promise<void> {
    await this.call('Maintenance', 'Defragment', {}, maintenanceMs)
  }

  /** Ends the alarm that forbids writing since the database was full. */
  async disarmNoSpace(): Promise<void> {
    const { alarms } = await this.call<{ alarms: { memberID: string; alarm: string }[] }>(
      'Maintenance',
      'Alarm',
      { action: 'GET', memberID: '0', alarm: 'NOSPACE' },
    )
    for (const { memberID, alarm } of alarms)
      await this.call('Maintenance', 'Alarm', { action: 'DEACTIVATE', memberID, alarm })
  }

  close(): void {
    for (const service of Object.values(this.services)) service.close()
  }

  private async memberCall(method: string, request: unknown): Promise<EtcdMember[]> {
    const { members } = await this.call<{ members: RawMember[] }>('Cluster', method, request)
    return members.map(({ ID, name, peerURLs, isLearner }) => ({
      id: ID,
      name,
      peerUrls: peerURLs,
      learner: isLearner,
    }))
  }

  private call<T>(service: ServiceName, method: string, request: unknown, deadlineMs = callMs): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const stub = this.services[service]
      const unary = stub[method] as Unary
      // What etcd tells about itself it tells without a leader, too.
      const metadata = service === 'Maintenance' || method === 'MemberList' ? new Metadata() : this.withLeader
      unary.call(stub, request, metadata, { deadline: Date.now() + deadlineMs }, (error, response) => {
        if (error) reject(new EtcdError(error.code, error.details || error.message))
        else resolve(response as T)
      })
    })
  }
}

/** The first key after all that begin with `prefix`. */
function prefixEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix)
  const last = end.length - 1
  end[last] = (end[last] ?? 0) + 1
  return end
}

function keyValue(raw: RawKeyValue): KeyValue {
  return {
    key: raw.key.toString(),
    value: raw.value,
    version: Number(raw.version),
    modRevision: Number(raw.mod_revision),
  }
}
