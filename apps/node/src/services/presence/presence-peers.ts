/** What the nodes of a cluster tell each other about who is connected to them. */
import * as z from 'zod'

/** The other nodes, as far as presence needs them; the links between nodes (peer/peer-links.ts) are this. */
export interface PresencePeers {
  /** Says something to every node that is connected. */
  send(kind: string, payload: unknown): void
  sendTo(nodeId: string, kind: string, payload: unknown): void
  on(kind: string, listener: (payload: unknown, fromNodeId: string) => void): void
  /** A node lacks what this one told: its link has opened, or messages on it were dropped. */
  onStale(listener: (nodeId: string) => void): void
  /** Nothing is heard of a node any more. */
  onGone(listener: (nodeId: string) => void): void
}

export const presenceKind = 'presence'

/** Bytes of people in one message; the links take frames of 256 KiB. */
const messageBytes = 64 * 1024

const deviceSchema = z.object({
  /** Null: a connection of no enrolled device. */
  id: z.string().max(64).nullable(),
  client: z.string().max(200),
  away: z.boolean(),
  /** Milliseconds since 1970. */
  since: z.number(),
})
const personSchema = z.object({
  id: z.string().max(64),
  /** Last sign of life on the telling node, ms since 1970. */
  seen: z.number().nullable(),
  /** Connections to the telling node; none: not there. */
  devices: z.array(deviceSchema).max(1000),
})

/**
 * A change says what is new of some people. A whole state comes in numbered parts of one round; what it does not name is
 * not there. Parts of a round that lost one are of no use, and the round comes again.
 */
export const presenceMessageSchema = z.object({
  people: z.array(personSchema).max(10_000),
  whole: z.object({ round: z.int(), part: z.int().min(0), last: z.boolean() }).optional(),
})
export type PresenceMessage = z.infer<typeof presenceMessageSchema>
export type PeerPerson = z.infer<typeof personSchema>
export type PeerDevice = z.infer<typeof deviceSchema>

/** The people in parts that each fit into a message; one part, which is empty, when there is nobody. */
export function inParts(people: Iterable<PeerPerson>): PeerPerson[][] {
  const parts: PeerPerson[][] = [[]]
  let bytes = 0
  for (const person of people) {
    const size = Buffer.byteLength(JSON.stringify(person))
    if (bytes + size > messageBytes && bytes > 0) {
      parts.push([])
      bytes = 0
    }
    parts.at(-1)?.push(person)
    bytes += size
  }
  return parts
}
