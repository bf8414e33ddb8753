import { expect, test } from 'vitest'
import { beginBranch, currentBranch, firstBranch, keptBranches, sharedWith } from './branches.ts'
import { TestMachine } from './machine-fixture.ts'

const heads = (machine: TestMachine): number[] =>
  machine.db.prepare('SELECT head FROM channel ORDER BY no').pluck().all() as number[]
const say = (machine: TestMachine, channelNo: number, count: number, tag: string): void => {
  for (let i = 0; i < count; i += 1)
    machine.apply([[0, channelNo, 1, `${tag}-${channelNo}-${i}`, 'x', 0, null]])
}

test('a survivor begins a branch, and knows what it shares with those before', () => {
  using machine = new TestMachine().setUp().populate()
  const { directory } = machine.machine
  machine.machine.adopt('1-a', { revision: 0, versions: {}, survivor: false })
  expect(currentBranch(directory)).toBe(firstBranch)
  expect(sharedWith(directory, firstBranch)).toBeNull()

  say(machine, 1, 3, 'first')
  const [one = 0, two = 0] = heads(machine)
  machine.machine.adopt('2-b', { revision: 9, versions: { n1: 1 }, survivor: true })
  expect(currentBranch(directory)).toBe('2-b')
  say(machine, 1, 2, 'second')
  say(machine, 2, 1, 'second')
  machine.machine.adopt('3-c', { revision: 12, versions: { n1: 2 }, survivor: true })
  say(machine, 2, 4, 'third')

  expect(currentBranch(directory)).toBe('3-c')
  const fromFirst = sharedWith(directory, firstBranch)
  const fromSecond = sharedWith(directory, '2-b')
  expect([fromFirst?.(1), fromFirst?.(2)]).toEqual([one, two])
  expect([fromSecond?.(1), fromSecond?.(2)]).toEqual([one + 2, two + 1])
  // A channel that was not there yet, and a branch that is not one of this past.
  expect(fromSecond?.(999)).toBe(0)
  expect(sharedWith(directory, '2-other')?.(1)).toBe(0)

  machine.restart()
  expect(currentBranch(machine.machine.directory)).toBe('3-c')
  expect(sharedWith(machine.machine.directory, '2-b')?.(2)).toBe(two + 1)
})

test('the oldest branches are forgotten, and places on them are then worth nothing', () => {
  using machine = new TestMachine().setUp().populate()
  const { directory } = machine.machine
  say(machine, 1, 3, 'first')
  for (let n = 1; n <= keptBranches + 1; n += 1) beginBranch(machine.db, { id: `${n}-x`, at: n })
  // The same one twice is one.
  beginBranch(machine.db, { id: `${keptBranches + 1}-x`, at: 99 })
  directory.load()
  const shared = (branch: string) => sharedWith(directory, branch)?.(1)
  expect(shared(`${keptBranches}-x`)).toBe(heads(machine)[0])
  expect(shared('2-x')).toBe(heads(machine)[0])
  expect([shared('1-x'), shared(firstBranch)]).toEqual([0, 0])
})
