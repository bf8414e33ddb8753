/** What a driver process is told, and what it tells. Both cross a process border, so both are plain data. */

import type { EtcdCredentials } from '../../apps/node/src/log/etcd/etcd-client.ts'

export type Protocol = 'holdfast' | 'xmpp' | 'nats' | 'etcd'

export interface Member {
  /** The account's name; for XMPP also the nickname in the room. NATS and etcd are entered without accounts. */
  name: string
  /** A session token (holdfast) or a password (xmpp). */
  secret: string
}

export interface Room {
  /** A channel's name (holdfast), a room's bare address (xmpp), a subject (nats) or a key (etcd). */
  address: string
  /** The first member is the one who sends. */
  members: Member[]
  /** Where its members connect; the plan's endpoint when absent. */
  endpoint?: Endpoint
}

export interface Endpoint {
  protocol: Protocol
  port: number
  /** An address; loopback when absent. */
  host?: string
  /** What etcd wants to see of a client. */
  credentials?: EtcdCredentials
}

export interface LoadPlan {
  endpoint: Endpoint
  rooms: Room[]
  /** Unacknowledged sends that each room's sender keeps in flight. */
  window: number
  bodyBytes: number
  warmUpMs: number
  measureMs: number
}

/** All that was acknowledged to a room's sender. */
export interface RoomResult {
  address: string
  acknowledged: number
  /** SHA-256, hex, over `acknowledgedLine` of each, in order; null where acknowledgements carry no sequence. */
  digest: string | null
}

export const acknowledgedLine = (seq: number, id: string): string => `${seq} ${id}\n`

export interface LoadResult {
  /** While measuring. */
  acknowledgedPerSecond: number
  deliveriesPerSecond: number
  p50Ms: number
  p99Ms: number
  slowestMs: number
  /** Share of one core that the driver itself used: near 1 it may be the bottleneck. */
  driverCpuShare: number
  /** From the first send to the last acknowledgement, warm-up and drain included: what the archive must hold. */
  acknowledgedInTotal: number
  deliveriesInTotal: number
  rooms: RoomResult[]
}

export type DriverMessage =
  | { event: 'measuring' }
  | { event: 'measured' }
  | { event: 'result'; result: LoadResult }
  | { event: 'failed'; reason: string }
