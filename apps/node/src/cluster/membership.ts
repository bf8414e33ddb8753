/** How this node takes part in a cluster; kept in node.db, so that it is known before the log can be read. */
import { randomBytes } from 'node:crypto'
import type Database from 'better-sqlite3'
import * as z from 'zod'

const peerSchema = z.object({
  nodeId: z.string(),
  name: z.string(),
  address: z.string(),
  httpsPort: z.number(),
  peerPort: z.number(),
})
export type KnownPeer = z.output<typeof peerSchema>

export interface Membership {
  /** COUNT-RANDOM; the count grows with each recovery from lost quorum. */
  generation: string
  /** Host name or address at which the others reach this node. */
  address: string
  /** etcd's first start: NAME=URL,NAME=URL. */
  initialCluster: string
  initialState: 'new' | 'existing'
  /** The next start of etcd makes this node the only member. */
  forceNew: boolean
  /** The other members as last known. */
  peers: KnownPeer[]
  /** Why this node must not take part any more; null: it may. */
  fencedBecause: string | null
  joinedAt: number
}

interface Row extends Omit<Membership, 'forceNew' | 'peers'> {
  forceNew: number
  peers: string
}

/** A generation after `previous`, or the first one. */
export function nextGeneration(previous: string | null): string {
  const count = previous === null ? 1 : generationCount(previous) + 1
  return `${count}-${randomBytes(6).toString('hex')}`
}

/** How many recoveries led to a generation, plus one. */
export function generationCount(generation: string): number {
  return Number.parseInt(generation, 10) || 0
}

export class MembershipFile {
  private readonly db: Database.Database

  constructor(db: Database.Database) {
    this.db = db
  }

  /** Null on a single node. */
  read(): Membership | null {
    const row = this.db.prepare('SELECT * FROM membership WHERE id = 1').get() as Row | undefined
    if (row === undefined) return null
    const peers = z.array(peerSchema).safeParse(JSON.parse(row.peers))
    const { generation, address, initialCluster, initialState, fencedBecause, joinedAt } = row
    return {
      generation,
      address,
      initialCluster,
      initialState,
      forceNew: row.forceNew === 1,
      peers: peers.success ? peers.data : [],
      fencedBecause,
      joinedAt,
    }
  }

  write(m: Membership): void {
    this.db
      .prepare(
        `INSERT INTO membership (id, generation, address, initialCluster, initialState, forceNew, peers, fencedBecause, joinedAt)
         VALUES (1, @generation, @address, @initialCluster, @initialState, @forceNew, @peers, @fencedBecause, @joinedAt)
         ON CONFLICT (id) DO UPDATE SET generation = excluded.generation, address = excluded.address,
           initialCluster = excluded.initialCluster, initialState = excluded.initialState, forceNew = excluded.forceNew,
           peers = excluded.peers, fencedBecause = excluded.fencedBecause, joinedAt = excluded.joinedAt`,
      )
      .run({ ...m, forceNew: m.forceNew ? 1 : 0, peers: JSON.stringify(m.peers) })
  }

  update(change: Partial<Membership>): void {
    const current = this.read()
    if (current !== null) this.write({ ...current, ...change })
  }
}
