import { expect, test } from 'vitest'
import { commandTypes } from '../../state/commands.ts'
import { idOf, TestMachine } from '../../state/machine-fixture.ts'

const anna = idOf('p', 2)
const by = { id: 'anonymous', name: 'anna', remote: '10.0.0.1' }

function fail(machine: TestMachine, at: number): unknown {
  const payload = { name: 'anna', personId: anna, attempts: 5, count: 1 }
  const [outcome] = machine.apply([[commandTypes.control, 'login.failed', by, payload]], at).outcomes
  return outcome
}

test('the wait doubles with each further failure, from half a minute to an hour', () => {
  using machine = new TestMachine().setUp().populate()
  const waits: number[] = []
  let at = 100_000
  for (let i = 0; i < 16; i++) {
    const { value } = fail(machine, at) as { value: number }
    waits.push(value === 0 ? 0 : (value - at) / 1000)
    at = Math.max(at, value) + 1
  }
  expect(waits).toEqual([0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600, 3600])
})

test('no session opens while the account is locked; one that opens later clears the count', () => {
  using machine = new TestMachine().setUp().populate()
  for (let i = 0; i < 5; i++) fail(machine, 100_000)
  const open = (n: number, at: number) => {
    const session = {
      id: idOf('s', n),
      personId: anna,
      tokenHash: `h${n}`,
      deviceId: null,
      userAgent: '',
      remote: '',
      expiresAt: 1e9,
    }
    return machine.apply([[commandTypes.control, 'session.create', by, session]], at).outcomes[0]
  }
  expect(open(8, 110_000)).toMatchObject({ refused: ['locked-out', expect.any(String)] })
  expect(open(9, 130_001)).toEqual({ value: null })
  expect(machine.machine.directory.people.get(anna)).toMatchObject({ failedLogins: 0, lockedUntil: 0 })
})
