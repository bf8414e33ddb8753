import type Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { mayPost } from './directory.ts'
import { channelNoOf, seqOf } from './keys.ts'
import { auditFault, rowsOf, sequenceFault } from './machine-fixture.ts'
import { founding, Simulation } from './simulation.ts'
import { modelOf, untrue } from './simulation-model.ts'

const seeds = 1000
const steps = 120

/** Where every message stands, as `person id`. */
const placesOf = (db: Database.Database) =>
  new Map(
    (db.prepare('SELECT sender, clientId, key FROM message').raw().all() as [number, string, number][]).map(
      ([person, id, key]) => [`${person} ${id}`, { channel: channelNoOf(key), seq: seqOf(key) }],
    ),
  )

function beginning(image: Buffer) {
  using simulation = new Simulation(0, image, 1)
  const { db, machine } = simulation.nodes[0] as Simulation['nodes'][number]
  const heads = db.prepare('SELECT no, head FROM channel').raw().all() as [number, number][]
  const allowed = new Set<string>()
  for (const channel of machine.directory.channels.values())
    for (const person of channel.members.keys())
      if (mayPost(channel, person)) allowed.add(`${channel.no} ${person}`)
  return {
    index: machine.index,
    heads: new Map(heads),
    places: placesOf(db),
    mayPost: (channel: number, person: number) => allowed.has(`${channel} ${person}`),
  }
}

test(`${seeds} simulated clusters end with one state on every node, and with all that was acknowledged`, () => {
  const image = founding()
  const begun = beginning(image)
  const seen = { acknowledged: 0, written: 0, repeated: 0, restores: 0, stops: 0, failures: 0, gaps: 0 }
  for (let seed = 1; seed <= seeds; seed += 1) {
    using simulation = new Simulation(seed, image)
    for (let i = 0; i < steps; i += 1) simulation.step()
    simulation.settle()
    const [first, ...others] = simulation.nodes
    if (first === undefined) throw new Error('no node')
    const where = `seed ${seed}`
    const rows = rowsOf(first.db)
    for (const other of others) {
      expect(other.machine.chain.equals(first.machine.chain), where).toBe(true)
      expect(rowsOf(other.db), where).toEqual(rows)
    }
    expect(auditFault(first.db), where).toBeNull()
    expect(sequenceFault(first.db), where).toBeNull()
    // And it is what the log says, by a model that shares nothing with the state machine.
    const model = modelOf(simulation.written, begun)
    expect(first.machine.index - begun.index, where).toBe(model.batches)
    expect(placesOf(first.db), where).toEqual(new Map([...begun.places, ...model.places]))
    for (const node of simulation.nodes) {
      expect(untrue(model, node.acknowledged), where).toBeNull()
      seen.acknowledged += node.acknowledged.length
    }
    for (const [what, count] of Object.entries(simulation.counts)) seen[what as keyof typeof seen] += count
  }
  // Everything that the simulation is about did happen.
  for (const what of ['written', 'acknowledged', 'restores', 'stops', 'failures', 'gaps'] as const)
    expect(seen[what], what).toBeGreaterThan(seeds / 10)
}, 300_000)
