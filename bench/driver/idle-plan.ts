import type { Endpoint, Member } from './plan.ts'

/** What an idle driver is told. It holds its connections until its parent lets it go. */
export type IdleCommand =
  | { command: 'open'; plan: IdlePlan }
  /** Breaks every connection at once and opens all of them again. */
  | { command: 'storm' }

export interface IdlePlan {
  endpoint: Endpoint
  /** Members and the room they are in; they take turns until `connections` are open. */
  members: Member[]
  roomAddress: string
  connections: number
  /** Addresses of this host to connect from: each has its own range of ports. */
  sourceAddresses: string[]
  /** Connections that are being opened at a time on `open`; a storm knows no such limit. */
  concurrency: number
}

export interface IdleResult {
  opened: number
  /** Distinct reasons and how often each came. */
  errors: Record<string, number>
  elapsedMs: number
  /** From the first byte of a connection until it was authenticated and ready. */
  p50Ms: number
  p99Ms: number
}

export type IdleMessage = { event: 'opened'; result: IdleResult } | { event: 'lost'; reason: string }
