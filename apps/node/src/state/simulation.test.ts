import { expect, test } from 'vitest'
import { auditFault, rowsOf, sequenceFault } from './machine-fixture.ts'
import { founding, Simulation } from './simulation.ts'

const seeds = 1000
const steps = 120

test(`${seeds} simulated clusters end with one state on every node, and with all that was acknowledged`, () => {
  const image = founding()
  const seen = { written: 0, repeated: 0, restores: 0, stops: 0, failures: 0, gaps: 0 }
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
    const stored = first.db.prepare('SELECT key % 4294967296 FROM message WHERE clientId = ?').pluck()
    for (const node of simulation.nodes)
      for (const [id, seq] of node.acknowledged) expect(stored.all(id), `${where} ${id}`).toContain(seq)
    for (const [what, count] of Object.entries(simulation.counts)) seen[what as keyof typeof seen] += count
  }
  // Everything that the simulation is about did happen.
  for (const what of ['written', 'restores', 'stops', 'failures', 'gaps'] as const)
    expect(seen[what], what).toBeGreaterThan(seeds / 10)
}, 300_000)
