import { expect, test } from 'vitest'
import { commandTypes } from '../../state/commands.ts'
import { idOf, owner, ownerId, TestMachine } from '../../state/machine-fixture.ts'

// The fixture's people: 1 olga and 4 cara are owners, 3 ben is helpdesk, 2 anna and 5 dora are members, dora suspended.
const [anna, ben, cara, dora] = [2, 3, 4, 5].map((n) => idOf('p', n)) as [string, string, string, string]
const by = (id: string) => ({ id, name: id, remote: '10.0.0.1' })
const done = { value: null }
const refusedWith = (code: string) => ({ refused: [code, expect.any(String)] })

test('the last active owner stays owner, active and unerased', () => {
  using machine = new TestMachine().setUp().populate()
  expect(machine.control('person.suspend', { id: cara })).toEqual(done)
  for (const [name, more] of [
    ['person.suspend', {}],
    ['person.erase', {}],
    ['person.setRole', { role: 'member' }],
  ] as const)
    expect(machine.control(name, { id: ownerId, ...more })).toEqual(refusedWith('conflict'))
  expect(machine.control('person.resume', { id: cara })).toEqual(done)
  expect(machine.control('person.setRole', { id: ownerId, role: 'member' }, by(cara))).toEqual(done)
})

test('nobody changes somebody mightier, nor gives a role above his own', () => {
  using machine = new TestMachine().setUp().populate()
  const helpdesk = by(ben)
  const password = { passwordHash: 'y', mustChange: false, keepSession: null }
  for (const target of [ownerId, cara]) {
    expect(machine.control('person.setPassword', { id: target, ...password }, helpdesk)).toEqual(
      refusedWith('forbidden'),
    )
    expect(machine.control('person.suspend', { id: target }, helpdesk)).toEqual(refusedWith('forbidden'))
    expect(machine.control('person.update', { id: target, displayName: 'x' }, helpdesk)).toEqual(
      refusedWith('forbidden'),
    )
    expect(machine.control('person.endSessions', { id: target }, helpdesk)).toEqual(refusedWith('forbidden'))
  }
  expect(machine.control('person.setPassword', { id: anna, ...password }, helpdesk)).toEqual(done)
  expect(machine.control('person.setRole', { id: anna, role: 'owner' }, helpdesk)).toEqual(
    refusedWith('forbidden'),
  )
  const add = (role: string, id: string) =>
    machine.control(
      'person.add',
      { id, name: id, displayName: id, role, kind: 'person', passwordHash: null, mustChange: false },
      helpdesk,
    )
  expect(add('owner', idOf('p', 8))).toEqual(refusedWith('forbidden'))
  expect(add('helpdesk', idOf('p', 8))).toEqual(refusedWith('forbidden'))
  expect(add('member', idOf('p', 8))).toEqual(done)
})

test('erasing takes the personal data and leaves the talk', () => {
  using machine = new TestMachine().setUp().populate()
  machine.apply([[commandTypes.message, 1, 2, 'mine', 'what anna said', 0, null]])
  expect(machine.control('person.erase', { id: anna })).toEqual(done)
  const { directory } = machine.machine
  expect(directory.people.get(anna)).toMatchObject({
    name: 'erased-2',
    displayName: 'Erased person',
    status: 'erased',
  })
  expect(directory.peopleByName.has('anna')).toBe(false)
  expect([...directory.channelsOf(2)]).toEqual([])
  expect([...directory.devices.values()]).toEqual([])
  expect([...directory.sessions.values()]).toEqual([])
  const kept = machine.db.prepare("SELECT body FROM message WHERE clientId = 'mine'").get()
  expect(kept).toEqual({ body: 'what anna said' })
  expect(machine.control('person.update', { id: anna, displayName: 'Anna' })).toEqual(
    refusedWith('not-found'),
  )
})

test('who is suspended sends nothing, and comes back as he was', () => {
  using machine = new TestMachine().setUp().populate()
  machine.control('channel.addMembers', { id: idOf('c', 1), members: [dora], groups: [], byRole: true })
  const say = (id: string) => machine.apply([[commandTypes.message, 1, 5, id, 'hello', 0, null]]).outcomes[0]
  expect(say('a')).toEqual(refusedWith('session-ended'))
  expect(machine.control('person.resume', { id: dora })).toEqual(done)
  expect(machine.control('person.resume', { id: dora })).toEqual(refusedWith('conflict'))
  expect(say('b')).toBe(3)
})

test('names of people and groups are taken once', () => {
  using machine = new TestMachine().setUp().populate()
  const person = {
    id: idOf('p', 9),
    name: 'anna',
    displayName: 'x',
    role: 'member',
    kind: 'person',
    passwordHash: null,
    mustChange: false,
  }
  expect(machine.control('person.add', person)).toEqual(refusedWith('name-taken'))
  expect(
    machine.control('group.create', { id: idOf('g', 2), name: 'ops', description: '', members: [] }),
  ).toEqual(refusedWith('name-taken'))
  expect(
    machine.control('group.update', { id: idOf('g', 1), name: 'ops', description: 'same name' }, owner),
  ).toEqual(done)
})
