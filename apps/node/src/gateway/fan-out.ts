import type { Directory } from '../state/directory.ts'
import type { EntriesEffect } from '../state/effects.ts'
import type { Connection } from './connection.ts'

const none: ReadonlySet<Connection> = new Set()

/** Who gets what: connections by person and by channel, and the sending of a commit's entries to them. */
export class FanOut {
  private readonly directory: Directory
  private readonly byPerson = new Map<number, Set<Connection>>()
  private readonly byChannel = new Map<number, Set<Connection>>()
  private readonly corked = new Set<Connection>()
  deliveries = 0

  constructor(directory: Directory) {
    this.directory = directory
  }

  add(connection: Connection): void {
    addTo(this.byPerson, connection.personNo, connection)
    if (!connection.talks) return
    for (const channel of this.directory.channelsOf(connection.personNo))
      addTo(this.byChannel, channel.no, connection)
  }

  remove(connection: Connection): void {
    removeFrom(this.byPerson, connection.personNo, connection)
    for (const channel of this.directory.channelsOf(connection.personNo))
      removeFrom(this.byChannel, channel.no, connection)
  }

  ofPerson(personNo: number): ReadonlySet<Connection> {
    return this.byPerson.get(personNo) ?? none
  }

  ofChannel(channelNo: number): ReadonlySet<Connection> {
    return this.byChannel.get(channelNo) ?? none
  }

  /** Brings the channel's connections in line with its members; tells who came and who went. */
  membershipChanged(channelNo: number): { joined: Connection[]; left: Connection[] } {
    const members = this.directory.channelsByNo.get(channelNo)?.members
    const joined: Connection[] = []
    const left: Connection[] = []
    for (const connection of this.ofChannel(channelNo))
      if (!members?.has(connection.personNo)) left.push(connection)
    for (const connection of left) removeFrom(this.byChannel, channelNo, connection)
    for (const personNo of members?.keys() ?? []) {
      for (const connection of this.ofPerson(personNo))
        if (connection.talks && addTo(this.byChannel, channelNo, connection)) joined.push(connection)
    }
    return { joined, left }
  }

  /** Sends new entries as they are to everybody in the channel; the same bytes serve all. */
  entries(effect: EntriesEffect): void {
    const connections = this.byChannel.get(effect.channelNo)
    if (connections === undefined) return
    const bytes = Buffer.from(effect.count === 1 ? effect.text : `[${effect.text}]`)
    for (const connection of connections) {
      this.cork(connection)
      connection.sendShared(bytes)
    }
    this.deliveries += connections.size * effect.count
  }

  /** Sends one frame to everybody in the channel, leaving one connection out. */
  toChannel(channelNo: number, text: string, except?: Connection): void {
    const bytes = Buffer.from(text)
    for (const connection of this.ofChannel(channelNo))
      if (connection !== except) connection.sendShared(bytes)
  }

  /** Holds the connection's writes back until `uncork`, so that what one commit brings leaves in one TLS record. */
  cork(connection: Connection): void {
    if (connection.closed || this.corked.has(connection)) return
    this.corked.add(connection)
    connection.raw?.cork()
  }

  uncork(): void {
    for (const connection of this.corked) connection.raw?.uncork()
    this.corked.clear()
  }
}

function addTo(map: Map<number, Set<Connection>>, key: number, connection: Connection): boolean {
  const set = map.get(key)
  if (set === undefined) map.set(key, new Set([connection]))
  else if (set.has(connection)) return false
  else set.add(connection)
  return true
}

function removeFrom(map: Map<number, Set<Connection>>, key: number, connection: Connection): void {
  const set = map.get(key)
  if (set === undefined) return
  set.delete(connection)
  if (set.size === 0) map.delete(key)
}
