import type { Caller, Origin, Services } from '@holdfast/api/services'
import type { WebSocket } from 'ws'
import type { Config } from '../config/config.ts'
import type { Secret } from '../config/secrets.ts'
import type { Clock } from '../platform/clock.ts'
import type { Logger } from '../platform/logger.ts'

/** The settings that the HTTP server takes; see config.ts. */
export type HttpConfig = Pick<
  Config,
  | 'host'
  | 'port'
  | 'maxConnections'
  | 'maxConnectionsPerAddress'
  | 'headersTimeoutMs'
  | 'requestTimeoutMs'
  | 'hstsSeconds'
>

/** The node's TLS certificate with its key and the CA that signed it, all PEM. */
export interface TlsMaterial {
  key: string
  /** The node's certificate, intermediates behind it. */
  cert: string
  ca: string
}

/** What a request brought to show who sent it. */
export interface Credentials {
  token: string
  /** Whether the token came from the browser's cookie; otherwise from the Authorization header. */
  viaCookie: boolean
  /** DPoP proof (RFC 9449) of this very request; null without one. */
  proof: string | null
  method: string
  /** Path of the request without its query; with the method it is what a proof is made for. */
  path: string
}

export interface Readiness {
  ready: boolean
  /** Why not, for people; null when ready. */
  reason: string | null
  /** The version is on trial after an update: nothing else keeps clients out. */
  onTrial?: boolean
  /** Nodes of the cluster that vote, and how many of them answer; null: this node is alone. */
  cluster?: { voters: number; healthy: number } | null
  /** Whether it has taken part in its cluster since it started; true: it is alone. */
  joined?: boolean
}

/** What the client protocol's gateway learns of a connection when it takes it over. */
export interface ClientMeta {
  remote: string
  userAgent: string
  /** The session token of a browser's cookie; null elsewhere and for a foreign origin. */
  cookieToken: string | null
}

export interface HttpDependencies {
  config: HttpConfig
  /** File descriptors of sockets that the service manager listens on for this node, beside its own port. */
  listeningSockets?: readonly number[]
  tls: TlsMaterial
  services: Services
  /** Finds the live session of the credentials; throws HoldfastError when there is none. */
  authenticate(credentials: Credentials, origin: Origin): Promise<Caller>
  /** Takes over a WebSocket of the client protocol. */
  acceptClient(socket: WebSocket, meta: ClientMeta): void
  readiness(): Readiness
  /** Why no client may come in; null: they may. */
  closed(): string | null
  /** Prometheus text (exposition format 0.0.4), each line ended. */
  metrics(): string
  /** Opens /metrics to whoever sends it; null: only loopback and signed-in staff. */
  metricsToken: Secret | null
  /** What /.well-known/holdfast answers: facility, node, protocol versions, CA fingerprint, paths. */
  wellKnown(): object
  /** Folder of the built admin UI; null: it is not built. */
  uiDirectory: string | null
  logger: Logger
  clock: Clock
}
