import { once } from 'node:events'
import type { PresenceState } from '@holdfast/api/contract/frames'
import type { Caller } from '@holdfast/api/services'
import type { Connection } from '../../gateway/connection.ts'
import type { Log } from '../../log/log.ts'
import type { Clock } from '../../platform/clock.ts'
import { commandTypes, type SeenCommand } from '../../state/commands.ts'
import type { Directory, PersonRecord } from '../../state/directory.ts'
import {
  inParts,
  type PeerDevice,
  type PeerPerson,
  type PresencePeers,
  presenceKind,
} from './presence-peers.ts'
import { RemotePresence } from './remote-presence.ts'

/** Changes gather for so long before they are told. */
const tellMs = 1000
/** How often last signs of life are stored. */
const storeMs = 60_000
/** People and devices in one command. */
const maxSeen = 1000

/** What a page of the browser is called whose browser is no device. */
const pageClient = 'holdfast-browser'

/** What makes somebody present: a connection of the client protocol, or an open page. */
type Attendance = Pick<Connection, 'personId' | 'deviceId' | 'client' | 'away' | 'openedAt'>

/** A client's own name as other nodes get it. */
const clientLength = 200

/**
 * Who is here, from this node's own connections and, in a cluster, from what the other nodes tell of theirs; honest about
 * its age, coalesced, and never in the way of a message.
 */
export class Presence {
  private readonly directory: Directory
  private readonly log: Log
  private readonly clock: Clock
  private readonly site: string
  private readonly here = new Map<string, Set<Attendance>>()
  private readonly lastSeen = new Map<string, number>()
  private readonly deviceSeen = new Map<string, number>()
  private readonly changedPeople = new Set<string>()
  private readonly unstored = new Set<string>()
  private readonly unstoredDevices = new Set<string>()
  private readonly listeners = new Set<(people: PresenceState[]) => void>()
  /** The other nodes, who is there, and what they have to be told; null on a single node. */
  private cluster: {
    nodeName: string
    peers: PresencePeers
    remote: RemotePresence
    untold: Set<string>
    round: number
  } | null = null
  private teller: NodeJS.Timeout | null = null
  private storer: NodeJS.Timeout | null = null

  constructor(options: { directory: Directory; log: Log; clock: Clock; site: string }) {
    this.directory = options.directory
    this.log = options.log
    this.clock = options.clock
    this.site = options.site
  }

  /** Shares with the other nodes of a cluster from now on; once, before `start`. */
  join(peers: PresencePeers, own: { nodeName: string }): void {
    const remote = new RemotePresence({
      clock: this.clock,
      onChanged: (personId) => this.due(personId),
      onSeen: (personId, at) => {
        if (at > (this.lastSeen.get(personId) ?? 0)) this.lastSeen.set(personId, at)
      },
    })
    this.cluster = { nodeName: own.nodeName, peers, remote, untold: new Set(), round: 0 }
    peers.on(presenceKind, (payload, from) => remote.heard(payload, from))
    peers.onGone((nodeId) => remote.gone(nodeId))
    peers.onStale((nodeId) => this.tellAll(nodeId))
  }

  start(): void {
    this.storer = setInterval(() => this.store(), storeMs)
  }

  stop(): void {
    if (this.storer) clearInterval(this.storer)
    if (this.teller) clearTimeout(this.teller)
    this.cluster?.remote.stop()
    this.store()
  }

  connected(connection: Attendance): void {
    const { personId } = connection
    const here = this.here.get(personId)
    if (here) here.add(connection)
    else this.here.set(personId, new Set([connection]))
    this.changed(connection)
  }

  disconnected(connection: Attendance): void {
    const here = this.here.get(connection.personId)
    if (here === undefined) return
    here.delete(connection)
    if (here.size === 0) this.here.delete(connection.personId)
    this.changed(connection)
  }

  changed(connection: Attendance): void {
    this.seen(connection.personId, connection.deviceId)
    this.cluster?.untold.add(connection.personId)
    this.due(connection.personId)
  }

  /** A sign of life that is no connection of the client protocol: a call of the API. */
  seen(personId: string, deviceId: string | null): void {
    const now = this.clock.now()
    this.lastSeen.set(personId, now)
    this.unstored.add(personId)
    if (deviceId === null) return
    this.deviceSeen.set(deviceId, now)
    this.unstoredDevices.add(deviceId)
  }

  /** Everybody who is not erased. */
  list(): PresenceState[] {
    return [...this.directory.people.values()]
      .filter((person) => person.status !== 'erased')
      .map((person) => this.stateOf(person))
  }

  of(personId: string): PresenceState['state'] {
    let state: PresenceState['state'] = 'offline'
    for (const connection of this.here.get(personId) ?? []) {
      if (!connection.away) return 'online'
      state = 'away'
    }
    for (const device of this.cluster?.remote.devicesOf(personId) ?? []) {
      if (!device.away) return 'online'
      state = 'away'
    }
    return state
  }

  ofDevice(device: { id: string; personId: string }): PresenceState['state'] {
    let state: PresenceState['state'] = 'offline'
    for (const connection of this.here.get(device.personId) ?? []) {
      if (connection.deviceId !== device.id) continue
      if (!connection.away) return 'online'
      state = 'away'
    }
    for (const { id, away } of this.cluster?.remote.devicesOf(device.personId) ?? []) {
      if (id !== device.id) continue
      if (!away) return 'online'
      state = 'away'
    }
    return state
  }

  personSeenAt(person: PersonRecord): number | null {
    if (this.here.has(person.id) || this.cluster?.remote.has(person.id)) return this.clock.now()
    const seenAt = this.lastSeen.get(person.id) ?? person.lastSeenAt
    const lostAt = this.cluster?.remote.lostAt(person.id) ?? null
    return lostAt === null ? seenAt : Math.max(lostAt, seenAt ?? 0)
  }

  deviceSeenAt(device: { id: string; personId: string; lastSeenAt: number | null }): number | null {
    if (this.ofDevice(device) !== 'offline') return this.clock.now()
    return this.deviceSeen.get(device.id) ?? device.lastSeenAt
  }

  get onlineCount(): number {
    let count = this.here.size
    for (const personId of this.cluster?.remote.people() ?? []) if (!this.here.has(personId)) count += 1
    return count
  }

  /** The listener gets the states that changed, at most once a second. */
  onChange(listener: (people: PresenceState[]) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** First everybody, then changes, until the signal aborts. A slow reader gets the newest state once, not each change. */
  async *live(signal: AbortSignal): AsyncGenerator<PresenceState[]> {
    const changes = new Map<string, PresenceState>()
    let wake: () => void = () => {}
    const end = this.onChange((people) => {
      for (const person of people) changes.set(person.person, person)
      wake()
    })
    const onAbort = () => wake()
    signal.addEventListener('abort', onAbort)
    try {
      yield this.list()
      while (!signal.aborted) {
        if (changes.size === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
          continue
        }
        const told = [...changes.values()]
        changes.clear()
        yield told
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      end()
    }
  }

  /** An open page of the browser: its person is here until the signal aborts. Says so once he counts. */
  async *attend(
    caller: Pick<Caller, 'personId' | 'deviceId'>,
    { away }: { away: boolean },
    signal: AbortSignal,
  ): AsyncGenerator<'here'> {
    if (signal.aborted) return
    const { personId, deviceId } = caller
    const page = { personId, deviceId, client: pageClient, away, openedAt: this.clock.monotonic() }
    this.connected(page)
    try {
      yield 'here'
      if (!signal.aborted) await once(signal, 'abort')
    } finally {
      this.disconnected(page)
    }
  }

  private due(personId: string): void {
    this.changedPeople.add(personId)
    this.teller ??= setTimeout(() => this.tell(), tellMs)
  }

  private stateOf(person: PersonRecord): PresenceState {
    const devices = [...(this.here.get(person.id) ?? [])].map((connection) => {
      const { deviceId: id, client, away } = connection
      const shown = this.shown({ id, client, away, since: this.sinceOf(connection) })
      return this.cluster === null ? shown : { ...shown, node: this.cluster.nodeName }
    })
    for (const { nodeId, ...device } of this.cluster?.remote.devicesOf(person.id) ?? [])
      devices.push({ ...this.shown(device), node: this.directory.nodes.get(nodeId)?.name ?? nodeId })
    return { person: person.id, state: this.of(person.id), lastSeenAt: this.personSeenAt(person), devices }
  }

  /** A connection as it is shown; the device's own record says more than the client. */
  private shown({ id, client, away, since }: PeerDevice): PresenceState['devices'][number] {
    const device = id === null ? undefined : this.directory.devices.get(id)
    return {
      id,
      name: device?.name ?? client,
      platform: device?.platform ?? '',
      state: away ? 'away' : 'online',
      site: device?.site ?? this.site,
      since,
    }
  }

  private sinceOf(connection: Attendance): number {
    return Math.round(this.clock.now() - (this.clock.monotonic() - connection.openedAt))
  }

  /** What this node tells the others of a person: his connections to itself. */
  private own(personId: string): PeerPerson {
    const devices = [...(this.here.get(personId) ?? [])].map((connection) => ({
      id: connection.deviceId,
      client: connection.client.slice(0, clientLength),
      away: connection.away,
      since: this.sinceOf(connection),
    }))
    return { id: personId, seen: this.lastSeen.get(personId) ?? null, devices }
  }

  /** Tells one node everybody whom this one knows of, connected or seen. */
  private tellAll(nodeId: string): void {
    const { cluster } = this
    if (cluster === null) return
    cluster.round += 1
    const people = new Set([...this.here.keys(), ...this.lastSeen.keys()])
    const parts = inParts([...people].map((personId) => this.own(personId)))
    for (const [part, some] of parts.entries()) {
      const whole = { round: cluster.round, part, last: part === parts.length - 1 }
      cluster.peers.sendTo(nodeId, presenceKind, { people: some, whole })
    }
  }

  /** Tells all nodes what changed on this one. */
  private tellPeers(): void {
    const { cluster } = this
    if (cluster === null || cluster.untold.size === 0) return
    const people = [...cluster.untold].map((personId) => this.own(personId))
    cluster.untold.clear()
    for (const part of inParts(people)) cluster.peers.send(presenceKind, { people: part })
  }

  private tell(): void {
    this.teller = null
    this.tellPeers()
    const people = [...this.changedPeople].flatMap((id) => {
      const person = this.directory.people.get(id)
      return person ? [this.stateOf(person)] : []
    })
    this.changedPeople.clear()
    for (const listener of this.listeners) listener(people)
  }

  /** Stores last signs of life of those who changed and of those who are here. */
  private store(): void {
    const now = this.clock.now()
    for (const [id, here] of this.here) {
      this.lastSeen.set(id, now)
      this.unstored.add(id)
      for (const { deviceId } of here) {
        if (deviceId === null) continue
        this.deviceSeen.set(deviceId, now)
        this.unstoredDevices.add(deviceId)
      }
    }
    const people = [...this.unstored].slice(0, maxSeen)
    const devices = [...this.unstoredDevices].slice(0, maxSeen)
    if (people.length === 0 && devices.length === 0) return
    for (const id of people) this.unstored.delete(id)
    for (const id of devices) this.unstoredDevices.delete(id)
    for (const id of people) this.cluster?.untold.add(id)
    this.tellPeers()
    const command: SeenCommand = [
      commandTypes.seen,
      people.map((id) => [id, this.lastSeen.get(id) ?? now]),
      devices.map((id) => [id, this.deviceSeen.get(id) ?? now]),
    ]
    try {
      // What is lost here is told again in a minute.
      this.log.propose(JSON.stringify(command), () => {})
    } catch {
      return
    }
  }
}
