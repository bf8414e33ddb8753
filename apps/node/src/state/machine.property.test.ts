import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { brokenCommand, controlNames, sensibleCommand } from './command-arbitraries.ts'
import { commandTypes } from './commands.ts'
import { handlers } from './handlers.ts'
import type { Applied } from './machine.ts'
import {
  auditFault,
  contentOf,
  rowsOf,
  sequenceFault,
  storedDirectory,
  TestMachine,
} from './machine-fixture.ts'

/** Batches with the time that passes before each, ms. */
const history = (command: fc.Arbitrary<unknown>, batches: number) =>
  fc.array(
    fc.record({
      commands: fc.array(command, { minLength: 1, maxLength: 8 }),
      afterMs: fc.constantFrom(0, 1, 5000, 70_000, -500),
    }),
    { minLength: 1, maxLength: batches },
  )
type History = { commands: unknown[]; afterMs: number }[]

/** Applies everything; `after` looks at the machine after each batch. */
function run(
  test: TestMachine,
  batches: History,
  after: (applied: Applied, i: number) => void = () => {},
): void {
  let at = 10_000
  for (const [i, { commands, afterMs }] of batches.entries()) {
    at += afterMs
    after(test.apply(commands, at), i)
  }
}

const command = fc.oneof({ weight: 12, arbitrary: sensibleCommand }, { weight: 1, arbitrary: brokenCommand })
const runs = 60

describe('the generators', () => {
  test('know every control command', () => {
    expect(controlNames.toSorted()).toEqual(Object.keys(handlers).toSorted())
  })

  test('make each command succeed now and then, and be refused', () => {
    const done = new Set<string>()
    const refused = new Set<string>()
    for (const batches of fc.sample(history(sensibleCommand, 30), { numRuns: 250, seed: 1 })) {
      using machine = new TestMachine().setUp().populate()
      run(machine, batches, ({ outcomes }, i) => {
        for (const [at, outcome] of outcomes.entries()) {
          const [type, name] = batches[i]!.commands[at] as unknown[]
          const kind = type === commandTypes.control ? String(name) : `type ${type}`
          const failed = typeof outcome === 'object' && 'refused' in outcome
          if (failed) refused.add(kind)
          else done.add(kind)
        }
      })
    }
    const kinds = [...controlNames, ...[0, 1, 2, 3, 5].map((type) => `type ${type}`)]
    // A second facility is refused in every facility.
    expect(kinds.filter((kind) => !done.has(kind))).toEqual(['facility.create'])
    expect(refused.size).toBeGreaterThan(kinds.length / 2)
  })
})

describe('after every batch', () => {
  test('sequences are dense, the audit chain holds, and memory is what the database says', () => {
    fc.assert(
      fc.property(history(command, 25), (batches) => {
        using machine = new TestMachine().setUp().populate()
        run(machine, batches, (applied, i) => {
          expect(applied.outcomes).toHaveLength(batches[i]!.commands.length)
          expect(sequenceFault(machine.db)).toBeNull()
          expect(auditFault(machine.db)).toBeNull()
          expect(contentOf(machine.machine.directory)).toEqual(contentOf(storedDirectory(machine.db)))
        })
        expect(machine.db.pragma('integrity_check', { simple: true })).toBe('ok')
        expect(machine.db.pragma('foreign_key_check')).toEqual([])
      }),
      { numRuns: runs },
    )
  })

  test('a client id of a sender stands for one entry, however often it comes', () => {
    fc.assert(
      fc.property(history(sensibleCommand, 25), (batches) => {
        using machine = new TestMachine().setUp().populate()
        const stored = new Map<string, string>()
        run(machine, batches, (applied, i) => {
          for (const [at, outcome] of applied.outcomes.entries()) {
            const [type, channelNo, personNo, id] = batches[i]!.commands[at] as unknown[]
            if (Number(type) > commandTypes.delete) continue
            const seq = seqOf(outcome)
            if (seq === null) continue
            const key = `${personNo} ${id}`
            const place = `${channelNo} ${seq}`
            expect(stored.get(key) ?? place).toBe(place)
            stored.set(key, place)
          }
        })
        const rows = machine.db.prepare("SELECT count(*) FROM message WHERE clientId NOT LIKE 'first-%'")
        expect(rows.pluck().get()).toBeLessThanOrEqual(stored.size)
      }),
      { numRuns: runs },
    )
  })
})

function seqOf(outcome: Applied['outcomes'][number]): number | null {
  if (typeof outcome === 'number') return outcome
  return 'value' in outcome ? (outcome.value as { seq: number }).seq : null
}

test('a refused command leaves rows, effects and the audit chain as they were', () => {
  fc.assert(
    fc.property(
      history(command, 12),
      fc.array(command, { minLength: 1, maxLength: 12 }),
      (before, commands) => {
        using machine = new TestMachine().setUp().populate()
        run(machine, before)
        for (const each of commands) {
          const was = rowsOf(machine.db, ['applied'])
          const { outcomes, effects } = machine.apply([each], 0)
          const [outcome] = outcomes
          if (typeof outcome === 'number' || !outcome || !('refused' in outcome)) continue
          expect(rowsOf(machine.db, ['applied'])).toEqual(was)
          expect(effects).toEqual([])
          expect(auditFault(machine.db)).toBeNull()
        }
      },
    ),
    { numRuns: runs },
  )
})

test('two machines that apply the same batches are equal in every byte, also when one restarts between them', () => {
  fc.assert(
    fc.property(history(command, 20), fc.nat(), (batches, cut) => {
      using one = new TestMachine().setUp().populate()
      using other = new TestMachine().setUp().populate()
      using restarted = new TestMachine().setUp().populate()
      run(one, batches)
      run(other, batches)
      run(restarted, batches, (_, i) => {
        if (i === cut % batches.length) restarted.restart()
      })
      for (const each of [other, restarted]) {
        expect(each.machine.chain.toString('hex')).toBe(one.machine.chain.toString('hex'))
        expect(each.machine.index).toBe(one.machine.index)
        expect(rowsOf(each.db)).toEqual(rowsOf(one.db))
        expect(contentOf(each.machine.directory)).toEqual(contentOf(one.machine.directory))
      }
      expect(other.db.serialize().equals(one.db.serialize())).toBe(true)
    }),
    { numRuns: 40 },
  )
})

test('apply is total: no command, whatever it is, keeps the rest of its batch from being applied', () => {
  fc.assert(
    fc.property(
      history(sensibleCommand, 8),
      fc.array(brokenCommand, { minLength: 1, maxLength: 30 }),
      (before, broken) => {
        using machine = new TestMachine().setUp().populate()
        run(machine, before)
        const seen = [commandTypes.seen, [], []]
        const { outcomes } = machine.apply([...broken, seen])
        expect(outcomes).toHaveLength(broken.length + 1)
        expect(outcomes.at(-1)).toEqual({ value: null })
        expect(contentOf(machine.machine.directory)).toEqual(contentOf(storedDirectory(machine.db)))
        expect(sequenceFault(machine.db)).toBeNull()
        expect(auditFault(machine.db)).toBeNull()
      },
    ),
    { numRuns: 150 },
  )
})
