/**
 * A cluster in one thread, without time and network: several state machines over one log of the kind etcd keeps, driven
 * by a seed. Writes are repeated, overtake each other and arrive late; nodes stop, fail in the middle of a transaction,
 * fall behind the log's beginning and take the state of another one.
 */
import Database from 'better-sqlite3'
import { encodeBatch } from './commands.ts'
import { type Applied, StateMachine } from './machine.ts'
import { TestMachine } from './machine-fixture.ts'
import { type LogEntry, LogGapError } from './sequencer.ts'

const generation = '1-simulated'
/** Batches that a node has on their way at once. */
const onTheWay = 4
const people = 3
const channels = 3

/** Deterministic numbers (mulberry32). */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

/** A message as its sender gives it. */
export interface Said {
  channel: number
  person: number
  id: string
}

interface Flight {
  no: number
  text: string
  /** Times it will still be written; the origin does not know which of them arrive. */
  copies: number
}

/** The state that every simulated cluster begins with. */
export function founding(): Buffer {
  using machine = new TestMachine().setUp().populate()
  machine.machine.adopt(generation, { revision: 0, versions: {}, survivor: false })
  // A database in memory has no write-ahead log.
  machine.db.pragma('journal_mode = DELETE')
  return machine.db.serialize()
}

class SimulatedNode {
  readonly id: string
  db: Database.Database
  machine: StateMachine
  epoch = 0
  numbers = 0
  flights: Flight[] = []
  /** Of epochs that are over: they may still arrive. */
  late: Flight[] = []
  /** Sequences that its senders were told, in the order of their commands. */
  acknowledged: { said: Said; seq: number }[] = []
  /** Commands of the batches of this epoch, by number. */
  pending = new Map<number, Said[]>()

  constructor(id: string, image: Buffer) {
    this.id = id
    this.db = open(image)
    this.machine = new StateMachine(this.db)
    this.machine.load()
  }

  /** Takes a whole state, as after a restore, or its own one again, as after a stop. */
  load(image: Buffer | null): void {
    if (image !== null) {
      this.db.close()
      this.db = open(image)
    }
    this.machine = new StateMachine(this.db)
    this.machine.load()
    this.late.push(...this.flights)
    this.flights = []
    this.pending.clear()
    this.epoch = 0
    this.numbers = 0
  }
}

function open(image: Buffer): Database.Database {
  const db = new Database(image)
  db.pragma('foreign_keys = ON')
  return db
}

export class Simulation implements Disposable {
  readonly nodes: SimulatedNode[]
  readonly counts = { written: 0, repeated: 0, restores: 0, stops: 0, failures: 0, gaps: 0 }
  private readonly random: (below: number) => number
  /** All that was ever written, and what is left of it. */
  readonly written: LogEntry[] = []
  private readonly log: LogEntry[] = []
  private readonly versions = new Map<string, number>()
  private revision = 0
  private begins = 0
  private readonly said: Said[] = []
  private time = 10_000

  constructor(seed: number, image: Buffer, size = 3) {
    this.random = randomFrom(seed)
    this.nodes = Array.from({ length: size }, (_, n) => new SimulatedNode(`n_${n + 1}`, image))
  }

  /** One thing happens. */
  step(): void {
    const node = this.nodes[this.random(this.nodes.length)] as SimulatedNode
    const kind = this.random(100)
    if (kind < 30) this.propose(node)
    else if (kind < 62) this.write(node)
    else if (kind < 90) this.follow(node, 1 + this.random(6))
    else if (kind < 93) this.stop(node)
    else if (kind < 96) this.fail(node)
    else if (kind < 98) this.skip(node)
    else this.compact()
  }

  /** Everything that is under way arrives, and every node applies all of it. */
  settle(): void {
    for (const node of this.nodes) {
      while (node.late.length > 0) this.arrive(node.id, node.late.shift() as Flight)
      if (node.epoch === 0) continue
      while (node.flights.some((flight) => flight.copies > 0)) this.write(node)
    }
    for (const node of this.nodes) while (this.follow(node, 50)) this.time += 1
  }

  [Symbol.dispose](): void {
    for (const node of this.nodes) node.db.close()
  }

  private propose(node: SimulatedNode): void {
    if (node.epoch === 0) {
      // The epoch is the revision of a write of its own.
      this.revision += 1
      node.epoch = this.revision
    }
    if (node.flights.length >= onTheWay) return
    node.numbers += 1
    const said: Said[] = []
    const commands = Array.from({ length: 1 + this.random(4) }, () => {
      const message = this.message()
      said.push(message)
      return JSON.stringify([0, message.channel, message.person, message.id, 'x', 0, null])
    })
    this.time += this.random(5)
    const at = this.time + (this.random(10) === 0 ? -3000 : 0)
    const text = encodeBatch(node.id, node.numbers, at, commands, node.epoch)
    node.pending.set(node.numbers, said)
    node.flights.push({ no: node.numbers, text, copies: 1 + (this.random(4) === 0 ? 1 + this.random(2) : 0) })
  }

  /** Now and then a sender says the same again, at this node or another; or uses an id for something else. */
  private message(): Said {
    const before = this.said[this.random(this.said.length + 1)]
    if (before !== undefined && this.random(5) === 0)
      return this.random(3) === 0 ? { ...before, channel: 1 + this.random(channels) } : before
    const message = {
      channel: 1 + this.random(channels),
      person: 1 + this.random(people),
      id: `s${this.said.length}`,
    }
    this.said.push(message)
    return message
  }

  /** One of the batches on their way arrives; any of them may be the first. */
  private write(node: SimulatedNode): void {
    if (node.late.length > 0 && this.random(3) === 0)
      this.arrive(node.id, node.late.splice(this.random(node.late.length), 1)[0] as Flight)
    const open = node.flights.filter((flight) => flight.copies > 0)
    const flight = open[this.random(open.length)]
    if (flight === undefined) return
    flight.copies -= 1
    this.arrive(node.id, flight)
  }

  private arrive(key: string, flight: Flight): void {
    this.revision += 1 + this.random(3)
    const version = (this.versions.get(key) ?? 0) + 1
    this.versions.set(key, version)
    const entry = { key, version, revision: this.revision, text: flight.text }
    this.log.push(entry)
    this.written.push(entry)
    this.counts.written += 1
  }

  /** Applies the next entries; false when there are none. */
  private follow(node: SimulatedNode, most: number): boolean {
    const position = node.machine.position?.revision ?? 0
    if (position < this.begins) {
      this.restore(node)
      return true
    }
    const next = this.log.filter((entry) => entry.revision > position).slice(0, most)
    if (next.length === 0) return false
    this.applied(node, node.machine.applyEntries(next))
    return true
  }

  private applied(node: SimulatedNode, batches: readonly Applied[]): void {
    for (const { batch, outcomes } of batches) {
      if (batch.o !== node.id || batch.e !== node.epoch) continue
      node.flights = node.flights.filter((flight) => flight.no !== batch.n || flight.copies > 0)
      for (const [i, said] of (node.pending.get(batch.n) ?? []).entries()) {
        const outcome = outcomes[i]
        if (typeof outcome === 'number') node.acknowledged.push({ said, seq: outcome })
        else if (outcome !== undefined && 'value' in outcome)
          node.acknowledged.push({ said, seq: (outcome.value as { seq: number }).seq })
      }
      node.pending.delete(batch.n)
    }
  }

  /** The process ends and begins anew on what it has stored. */
  private stop(node: SimulatedNode): void {
    this.counts.stops += 1
    node.load(null)
  }

  /** The disk fails in the middle of a transaction; the same entries come again later. */
  private fail(node: SimulatedNode): void {
    const position = node.machine.position?.revision ?? 0
    const next = this.log.filter((entry) => entry.revision > position).slice(0, 1 + this.random(6))
    if (next.length === 0 || position < this.begins) return
    node.db.exec(
      "CREATE TEMP TRIGGER broken BEFORE INSERT ON log_position BEGIN SELECT RAISE(FAIL, 'disk'); END",
    )
    try {
      node.machine.applyEntries(next)
      throw new Error('The transaction should have failed.')
    } catch (error) {
      if (!(error instanceof Error) || error.message !== 'disk') throw error
      this.counts.failures += 1
    } finally {
      node.db.exec('DROP TRIGGER broken')
    }
  }

  /** A watch that leaves something out is found out, and nothing of it is applied. */
  private skip(node: SimulatedNode): void {
    const position = node.machine.position?.revision ?? 0
    const next = this.log.filter((entry) => entry.revision > position)
    const [first, ...rest] = next
    if (first === undefined || position < this.begins) return
    const later = rest.filter((entry) => entry.key === first.key)
    if (later.length === 0) return
    const before = node.machine.chain.toString('hex')
    try {
      node.machine.applyEntries(rest)
      throw new Error('The gap was not noticed.')
    } catch (error) {
      if (!(error instanceof LogGapError)) throw error
      this.counts.gaps += 1
    }
    if (node.machine.chain.toString('hex') !== before) throw new Error('Something of a gap was applied.')
  }

  /** The log forgets its beginning, perhaps before all have applied it. */
  private compact(): void {
    const position = this.nodes[this.random(this.nodes.length)]?.machine.position?.revision ?? 0
    this.begins = Math.max(this.begins, position)
    while ((this.log[0]?.revision ?? Number.POSITIVE_INFINITY) <= this.begins) this.log.shift()
  }

  /** Takes the state of the node that is furthest. */
  private restore(node: SimulatedNode): void {
    const [best] = this.nodes.toSorted(
      (a, b) => (b.machine.position?.revision ?? 0) - (a.machine.position?.revision ?? 0),
    )
    if (best === undefined || best === node) throw new Error('Nobody has the state.')
    this.counts.restores += 1
    node.load(best.db.serialize())
  }
}
