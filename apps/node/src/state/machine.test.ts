import { expect, test } from 'vitest'
import { commandTypes } from './commands.ts'
import { auditFault, idOf, ownerId, rowsOf, TestMachine } from './machine-fixture.ts'

const { message, remove, control, seen, marks } = { ...commandTypes, remove: commandTypes.delete }
const text = (no: number, id: string, body = 'hello') => [message, no, 1, id, body, 0, null]

test('regression: a payload that is not what it should be is refused and does not fail its batch', () => {
  using machine = new TestMachine().setUp().populate()
  const by = { id: ownerId, name: 'olga', remote: '' }
  const { outcomes } = machine.apply([
    text(1, 'a'),
    [control, 'person.add', by, null],
    [
      control,
      'channel.create',
      by,
      { id: 'c', kind: 'group', name: 'x', topic: null, members: [], groups: [] },
    ],
    [control, 'person.add', null, {}],
    [marks, 'what'],
    [message, 1, 1, 'b', 5, 0, null],
    text(1, 'c'),
  ])
  expect(outcomes[0]).toBe(3)
  for (const outcome of outcomes.slice(1, 6))
    expect(outcome).toMatchObject({ refused: ['internal', expect.any(String)] })
  expect(outcomes[6]).toBe(4)
  expect(auditFault(machine.db)).toBeNull()
})

test('regression: a restart does not change when the chain is sealed into the audit log', () => {
  using whole = new TestMachine().setUp().populate()
  using restarted = new TestMachine().setUp().populate()
  for (const machine of [whole, restarted]) {
    machine.apply(
      Array.from({ length: 600 }, (_, i) => text(1, `a${i}`)),
      2000,
    )
    if (machine === restarted) machine.restart()
    machine.apply(
      Array.from({ length: 600 }, (_, i) => text(1, `b${i}`)),
      3000,
    )
    machine.apply([text(1, 'last')], 700_000)
  }
  const sealed = (machine: TestMachine) =>
    machine.db.prepare("SELECT event FROM audit_event WHERE action = 'log.sealed'").pluck().all()
  expect(sealed(whole).length).toBeGreaterThan(1)
  expect(sealed(restarted)).toEqual(sealed(whole))
  expect(rowsOf(restarted.db)).toEqual(rowsOf(whole.db))
})

test('regression: a sequence beyond 32 bits does not reach into the next channel', () => {
  using machine = new TestMachine().setUp().populate()
  const before = rowsOf(machine.db).message
  const { outcomes } = machine.apply([[remove, 1, 1, 'x', 2 ** 32 + 1]])
  expect(outcomes[0]).toMatchObject({ refused: ['internal', expect.any(String)] })
  expect(rowsOf(machine.db).message).toEqual(before)
})

test('regression: nothing new is kept about an erased person', () => {
  using machine = new TestMachine().setUp().populate()
  machine.control('person.erase', { id: idOf('p', 2) })
  machine.apply([[seen, [[idOf('p', 2), 5000]], []]])
  const row = machine.db.prepare('SELECT lastSeenAt FROM person WHERE id = ?').get(idOf('p', 2))
  expect(row).toEqual({ lastSeenAt: null })
})

test('time never goes back, whatever the origin says', () => {
  using machine = new TestMachine().setUp().populate()
  expect(machine.apply([text(1, 'a')], 50_000).at).toBe(50_000)
  expect(machine.apply([text(1, 'b')], 10).at).toBe(50_000)
})

test('a batch that the disk does not take is gone as a whole, and memory with it', () => {
  using machine = new TestMachine().setUp().populate()
  const before = rowsOf(machine.db)
  machine.db.pragma('max_page_count = 1')
  const large = 'x'.repeat(30_000)
  const fill = () => machine.apply(Array.from({ length: 200 }, (_, i) => text(1, `big${i}`, large)))
  expect(fill).toThrow(expect.objectContaining({ code: 'SQLITE_FULL' }))
  expect(rowsOf(machine.db)).toEqual(before)
  machine.db.pragma('max_page_count = 1073741823')
  expect(machine.apply([text(1, 'small')]).outcomes).toEqual([3])
})
