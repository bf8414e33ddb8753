import type { Clock } from '../../platform/clock.ts'
import {
  type PeerDevice,
  type PeerPerson,
  type PresenceMessage,
  presenceMessageSchema,
} from './presence-peers.ts'

/** A node whose link ended is given so long to come back before its people count as gone. */
export const remoteGraceMs = 5000

/** People of one node; a whole state that names more is left aside. */
const maxPeople = 200_000
/** The time of connecting is reckoned back anew each time; so much of a difference is none. */
const sinceSlackMs = 2000

interface RemoteNode {
  people: Map<string, PeerDevice[]>
  /** A whole state that is coming in; null: none. */
  coming: { round: number; parts: number; people: PeerPerson[] } | null
  /** Whether a whole state came; changes say nothing before. */
  known: boolean
  /** When its link ended; null: it is there. */
  goneAt: number | null
  timer: NodeJS.Timeout | null
  /** People who went offline with it, and when it was last heard of. */
  lost: Map<string, number>
}

export interface RemoteDevice extends PeerDevice {
  nodeId: string
}

/** Who is connected to the other nodes, as they tell it. */
export class RemotePresence {
  private readonly clock: Clock
  private readonly onChanged: (personId: string) => void
  private readonly onSeen: (personId: string, at: number) => void
  private readonly nodes = new Map<string, RemoteNode>()
  /** By person: the nodes that he is connected to. */
  private readonly where = new Map<string, Set<string>>()

  constructor(options: {
    clock: Clock
    /** What is known of a person's connections has changed. */
    onChanged: (personId: string) => void
    /** Another node had a sign of life of a person. */
    onSeen: (personId: string, at: number) => void
  }) {
    this.clock = options.clock
    this.onChanged = options.onChanged
    this.onSeen = options.onSeen
  }

  stop(): void {
    for (const { timer } of this.nodes.values()) if (timer) clearTimeout(timer)
    this.nodes.clear()
    this.where.clear()
  }

  /** Takes a message of another node; what is none is left aside. */
  heard(payload: unknown, nodeId: string): void {
    const message = presenceMessageSchema.safeParse(payload).data
    if (message === undefined) return
    if (message.whole !== undefined) this.heardWhole(nodeId, message.whole, message.people)
    else if (this.nodes.get(nodeId)?.known) this.change(nodeId, message.people)
  }

  /** The link of a node has ended: unless it is back in time, its people are offline. */
  gone(nodeId: string): void {
    const node = this.nodes.get(nodeId)
    if (node === undefined) return
    node.coming = null
    node.goneAt ??= this.clock.now()
    node.timer ??= setTimeout(() => this.forget(nodeId), remoteGraceMs)
  }

  devicesOf(personId: string): RemoteDevice[] {
    const devices: RemoteDevice[] = []
    for (const nodeId of this.where.get(personId) ?? [])
      for (const device of this.nodes.get(nodeId)?.people.get(personId) ?? [])
        devices.push({ ...device, nodeId })
    return devices
  }

  has(personId: string): boolean {
    return this.where.has(personId)
  }

  people(): Iterable<string> {
    return this.where.keys()
  }

  /** When somebody who went with his node was last heard of; null: nobody knows more than the node that he is on. */
  lostAt(personId: string): number | null {
    let at: number | null = null
    for (const { lost } of this.nodes.values()) {
      const lostAt = lost.get(personId)
      if (lostAt !== undefined) at = Math.max(at ?? 0, lostAt)
    }
    return at
  }

  private heardWhole(
    nodeId: string,
    { round, part, last }: NonNullable<PresenceMessage['whole']>,
    people: PeerPerson[],
  ): void {
    const node = this.nodeOf(nodeId)
    if (part === 0) node.coming = { round, parts: 0, people: [] }
    const { coming } = node
    if (coming === null || coming.round !== round || coming.parts !== part) {
      node.coming = null
      return
    }
    coming.parts += 1
    coming.people.push(...people)
    if (coming.people.length > maxPeople) node.coming = null
    if (node.coming === null) return
    if (!last) return
    node.coming = null
    if (node.timer) clearTimeout(node.timer)
    node.timer = null
    node.goneAt = null
    node.known = true
    for (const personId of node.lost.keys()) this.onChanged(personId)
    node.lost.clear()
    const named = new Set(coming.people.map((person) => person.id))
    for (const personId of [...node.people.keys()]) if (!named.has(personId)) this.set(nodeId, personId, [])
    this.change(nodeId, coming.people)
  }

  private change(nodeId: string, people: PeerPerson[]): void {
    for (const { id, seen, devices } of people) {
      // The other clock may be ahead; nobody was seen in the future.
      if (seen !== null) this.onSeen(id, Math.min(seen, this.clock.now()))
      this.set(nodeId, id, devices)
    }
  }

  private set(nodeId: string, personId: string, devices: PeerDevice[]): void {
    const { people } = this.nodeOf(nodeId)
    const known = people.get(personId)
    if (sameDevices(known ?? [], devices)) return
    const nodes = this.where.get(personId) ?? new Set()
    if (devices.length > 0) {
      people.set(personId, devices)
      nodes.add(nodeId)
      this.where.set(personId, nodes)
    } else {
      people.delete(personId)
      nodes.delete(nodeId)
      if (nodes.size === 0) this.where.delete(personId)
    }
    this.onChanged(personId)
  }

  private forget(nodeId: string): void {
    const node = this.nodes.get(nodeId)
    if (node?.goneAt == null) return
    node.timer = null
    node.known = false
    for (const personId of [...node.people.keys()]) {
      node.lost.set(personId, node.goneAt)
      this.set(nodeId, personId, [])
    }
  }

  private nodeOf(nodeId: string): RemoteNode {
    let node = this.nodes.get(nodeId)
    if (node === undefined) {
      node = { people: new Map(), coming: null, known: false, goneAt: null, timer: null, lost: new Map() }
      this.nodes.set(nodeId, node)
    }
    return node
  }
}

function sameDevices(known: readonly PeerDevice[], told: readonly PeerDevice[]): boolean {
  return (
    known.length === told.length &&
    known.every((device, i) => {
      const other = told[i] as PeerDevice
      return (
        device.id === other.id &&
        device.client === other.client &&
        device.away === other.away &&
        Math.abs(device.since - other.since) <= sinceSlackMs
      )
    })
  )
}
