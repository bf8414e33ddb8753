import { connectHoldfast } from './holdfast-connection.ts'
import { connectNats } from './nats-connection.ts'
import type { Endpoint, Member, Protocol } from './plan.ts'
import { connectXmpp } from './xmpp-connection.ts'

/** What a connection reports. Each is called at most once per incoming message of the transport. */
export interface ConnectionEvents {
  /** @param sequences of the same messages, where the protocol tells them */
  acknowledged(ids: string[], sequences?: number[]): void
  delivered(count: number): void
  failed(reason: string): void
}

export interface OutgoingMessage {
  id: string
  body: string
}

/** One member's live connection, already authenticated and in its room. */
export interface Connection {
  /** All messages of one call leave in one write. */
  send(messages: OutgoingMessage[]): void
  /** Says goodbye. */
  close(): void
  /** Breaks off without a word, as a lost network does. */
  abort(): void
}

export interface ConnectRequest {
  endpoint: Endpoint
  member: Member
  roomAddress: string
  events: ConnectionEvents
}

export type Connect = (request: ConnectRequest) => Promise<Connection>

export const connectors: Record<Protocol, Connect> = {
  holdfast: connectHoldfast,
  xmpp: connectXmpp,
  nats: connectNats,
  // gRPC is large, and every other driver would carry it.
  etcd: async (request) => (await import('./etcd-connection.ts')).connectEtcd(request),
}
