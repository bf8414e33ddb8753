import { expect, test } from 'vitest'
import { TestMachine } from '../../state/machine-fixture.ts'
import { facilitySettings } from './policy.ts'

test('two administrators cannot overwrite each other unseen', () => {
  using machine = new TestMachine().setUp()
  const { version } = facilitySettings(machine.machine.directory)
  const update = (policy: object) => machine.control('settings.update', { version, policy, facility: null })
  expect(update({ deviceRequired: true })).toEqual({ value: null })
  expect(update({ deviceRequired: false })).toMatchObject({ refused: ['conflict', expect.any(String)] })
  expect(facilitySettings(machine.machine.directory)).toMatchObject({
    deviceRequired: true,
    version: version + 1,
  })
})

test('what is not named stays, and the audit log tells before and after', () => {
  using machine = new TestMachine().setUp()
  const { directory } = machine.machine
  const before = facilitySettings(directory)
  machine.control('settings.update', {
    version: before.version,
    policy: { sessionDays: 3 },
    facility: 'Mill',
  })
  expect(facilitySettings(directory)).toEqual({
    ...before,
    sessionDays: 3,
    facility: 'Mill',
    version: before.version + 1,
  })
  const event = machine.db
    .prepare("SELECT event FROM audit_event WHERE action = 'settings.changed'")
    .pluck()
    .get() as string
  expect(JSON.parse(event)).toMatchObject({
    detail: { sessionDays: { before: before.sessionDays, after: 3 }, facility: 'Mill' },
  })
})
