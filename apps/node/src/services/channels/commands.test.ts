import { expect, test } from 'vitest'
import { idOf, ownerId, TestMachine } from '../../state/machine-fixture.ts'

const anna = idOf('p', 2)
const direct = (n: number) => ({ id: idOf('c', n), people: [ownerId, anna], retentionDays: null })

test('nobody opens a direct channel with somebody who could never read it', () => {
  using machine = new TestMachine().setUp().populate()
  for (const role of ['auditor', 'installer']) {
    expect(machine.control('person.setRole', { id: anna, role })).toEqual({ value: null })
    expect(machine.control('channel.direct', direct(90))).toEqual({
      refused: ['conflict', expect.stringContaining('takes no part in talk')],
    })
  }
  expect(machine.control('person.setRole', { id: anna, role: 'member' })).toEqual({ value: null })
  const { value } = machine.control('channel.direct', direct(91)) as { value: string }
  expect(value).toMatch(/^c_/)
  // What was said before stays within reach.
  expect(machine.control('person.setRole', { id: anna, role: 'auditor' })).toEqual({ value: null })
  expect(machine.control('channel.direct', direct(92))).toEqual({ value })
})
