import type { PresenceState } from '@holdfast/api/contract/frames'
import type { Connection } from '../../gateway/connection.ts'
import type { Log } from '../../log/log.ts'
import type { Clock } from '../../platform/clock.ts'
import { commandTypes, type SeenCommand } from '../../state/commands.ts'
import type { Directory, PersonRecord } from '../../state/directory.ts'

/** Changes gather for so long before they are told. */
const tellMs = 1000
/** How often last signs of life are stored. */
const storeMs = 60_000
/** People and devices in one command. */
const maxSeen = 1000

/** Who is here, from this node's own connections; honest about its age, coalesced, and never in the way of a message. */
export class Presence {
  private readonly directory: Directory
  private readonly log: Log
  private readonly clock: Clock
  private readonly site: string
  private readonly here = new Map<string, Set<Connection>>()
  private readonly lastSeen = new Map<string, number>()
  private readonly deviceSeen = new Map<string, number>()
  private readonly changedPeople = new Set<string>()
  private readonly unstored = new Set<string>()
  private readonly unstoredDevices = new Set<string>()
  private readonly listeners = new Set<(people: PresenceState[]) => void>()
  private teller: NodeJS.Timeout | null = null
  private storer: NodeJS.Timeout | null = null

  constructor(options: { directory: Directory; log: Log; clock: Clock; site: string }) {
    this.directory = options.directory
    this.log = options.log
    this.clock = options.clock
    this.site = options.site
  }

  start(): void {
    this.storer = setInterval(() => this.store(), storeMs)
  }

  stop(): void {
    if (this.storer) clearInterval(this.storer)
    if (this.teller) clearTimeout(this.teller)
    this.store()
  }

  connected(connection: Connection): void {
    const { personId } = connection
    const here = this.here.get(personId)
    if (here) here.add(connection)
    else this.here.set(personId, new Set([connection]))
    this.changed(connection)
  }

  disconnected(connection: Connection): void {
    const here = this.here.get(connection.personId)
    if (here === undefined) return
    here.delete(connection)
    if (here.size === 0) this.here.delete(connection.personId)
    this.changed(connection)
  }

  changed(connection: Connection): void {
    this.seen(connection.personId, connection.deviceId)
    this.changedPeople.add(connection.personId)
    this.teller ??= setTimeout(() => this.tell(), tellMs)
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
    const here = this.here.get(personId)
    if (here === undefined) return 'offline'
    for (const connection of here) if (!connection.away) return 'online'
    return 'away'
  }

  ofDevice(device: { id: string; personId: string }): PresenceState['state'] {
    let state: PresenceState['state'] = 'offline'
    for (const connection of this.here.get(device.personId) ?? []) {
      if (connection.deviceId !== device.id) continue
      if (!connection.away) return 'online'
      state = 'away'
    }
    return state
  }

  personSeenAt(person: PersonRecord): number | null {
    if (this.here.has(person.id)) return this.clock.now()
    return this.lastSeen.get(person.id) ?? person.lastSeenAt
  }

  deviceSeenAt(device: { id: string; personId: string; lastSeenAt: number | null }): number | null {
    if (this.ofDevice(device) !== 'offline') return this.clock.now()
    return this.deviceSeen.get(device.id) ?? device.lastSeenAt
  }

  get onlineCount(): number {
    return this.here.size
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

  private stateOf(person: PersonRecord): PresenceState {
    const here = this.here.get(person.id)
    const devices = [...(here ?? [])].map((connection) => {
      const device =
        connection.deviceId === null ? undefined : this.directory.devices.get(connection.deviceId)
      return {
        id: connection.deviceId,
        name: device?.name ?? connection.client,
        platform: device?.platform ?? '',
        state: connection.away ? ('away' as const) : ('online' as const),
        site: device?.site ?? this.site,
        since: Math.round(this.clock.now() - (this.clock.monotonic() - connection.openedAt)),
      }
    })
    return { person: person.id, state: this.of(person.id), lastSeenAt: this.personSeenAt(person), devices }
  }

  private tell(): void {
    this.teller = null
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
