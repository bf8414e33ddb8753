import { expect, test } from 'vitest'
import { idOf, TestMachine } from '../../state/machine-fixture.ts'

// The fixture has one device of person 2, pending.
const [device, person] = [idOf('d', 1), idOf('p', 2)]
const certificate = { pem: 'pem', serial: '01', expiresAt: 1e12 }
const done = { value: null }
const refusedWith = (code: string) => ({ refused: [code, expect.any(String)] })
const enrolment = (n: number, thumbprint = `key${n}`) => ({
  id: idOf('d', n),
  personId: person,
  name: `device ${n}`,
  platform: '',
  thumbprint,
  publicKey: '{}',
  certificate: null,
})
const session = {
  id: idOf('s', 7),
  personId: person,
  tokenHash: 'h',
  deviceId: device,
  userAgent: '',
  remote: '',
  expiresAt: 1e12,
}

test('a device is pending, then approved, then revoked, and nothing goes backwards', () => {
  using machine = new TestMachine().setUp().populate()
  expect(machine.control('session.create', session)).toEqual(refusedWith('device-revoked'))
  expect(machine.control('device.approve', { id: device, certificate })).toEqual(done)
  expect(machine.control('device.approve', { id: device, certificate })).toEqual(refusedWith('conflict'))
  expect(machine.control('session.create', session)).toEqual(done)
  expect(machine.control('device.revoke', { id: device, reason: 'lost' })).toEqual(done)
  expect(machine.machine.directory.sessions.has(session.id)).toBe(false)
  expect(machine.control('device.revoke', { id: device, reason: 'lost' })).toEqual(refusedWith('conflict'))
  expect(machine.control('device.approve', { id: device, certificate })).toEqual(refusedWith('conflict'))
  expect(machine.control('session.create', session)).toEqual(refusedWith('device-revoked'))
})

test('a key is enrolled once, also after its device was revoked', () => {
  using machine = new TestMachine().setUp().populate()
  expect(machine.control('device.enrol', enrolment(2))).toEqual(done)
  expect(machine.control('device.enrol', enrolment(3, 'key2'))).toEqual(refusedWith('conflict'))
  machine.control('device.revoke', { id: idOf('d', 2), reason: '' })
  expect(machine.control('device.enrol', enrolment(3, 'key2'))).toEqual(refusedWith('conflict'))
})

test('a person has only so many devices; revoked ones do not count', () => {
  using machine = new TestMachine().setUp().populate()
  for (let n = 2; n <= 50; n++) expect(machine.control('device.enrol', enrolment(n))).toEqual(done)
  expect(machine.control('device.enrol', enrolment(51))).toEqual(refusedWith('too-many'))
  machine.control('device.revoke', { id: device, reason: '' })
  expect(machine.control('device.enrol', enrolment(51))).toEqual(done)
})
