/** What a driver process is told, and what it tells. Both cross a process border, so both are plain data. */

export type Protocol = 'holdfast' | 'xmpp'

export interface Member {
  /** The account's name; for XMPP also the nickname in the room. */
  name: string
  /** A session token (holdfast) or a password (xmpp). */
  secret: string
}

export interface Room {
  /** A channel's name (holdfast) or a room's bare address (xmpp). */
  address: string
  /** The first member is the one who sends. */
  members: Member[]
}

export interface Endpoint {
  protocol: Protocol
  port: number
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
}

export type DriverMessage =
  | { event: 'measuring' }
  | { event: 'measured' }
  | { event: 'result'; result: LoadResult }
  | { event: 'failed'; reason: string }
