import { expect, test } from 'vitest'
import { countPresence, mergePresence, type PresentPerson, selectPresence } from './summary.ts'

const person = (name: string, state: PresentPerson['state'], site = ''): PresentPerson => ({
  person: name,
  name,
  displayName: name.toUpperCase(),
  state,
  lastSeenAt: null,
  devices: site === '' ? [] : [{ id: null, name: 'Radio 7', platform: '', state: 'online', site, since: 1 }],
})
const people = [person('zoe', 'online'), person('ana', 'offline'), person('ben', 'away', 'North gate')]

test('counts each state', () => {
  expect(countPresence(people)).toEqual({ all: 3, online: 1, away: 1, offline: 1 })
})

test('puts who is here first and finds by name, device and site', () => {
  const names = (list: PresentPerson[]) => list.map((one) => one.name)
  expect(names(selectPresence(people, 'all', ''))).toEqual(['zoe', 'ben', 'ana'])
  expect(names(selectPresence(people, 'offline', ''))).toEqual(['ana'])
  expect(names(selectPresence(people, 'all', ' NORTH '))).toEqual(['ben'])
  expect(names(selectPresence(people, 'all', 'radio'))).toEqual(['ben'])
  expect(names(selectPresence(people, 'online', 'ana'))).toEqual([])
})

test('later batches change only those they name', () => {
  const first = mergePresence(new Map(), people)
  const second = mergePresence(first, [person('ana', 'online')])
  expect([...second.values()].map((one) => one.state)).toEqual(['online', 'online', 'away'])
  expect(mergePresence(second, [])).toBe(second)
})
