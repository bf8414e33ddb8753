import { bodySchema } from '@holdfast/api/contract/frames'
import * as input from '@holdfast/api/contract/inputs'
import { allowed } from '@holdfast/api/contract/policy'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkPassword } from '../trust/password-rules.ts'
import { directTalk, talk } from './conversations.ts'
import { channels, demoPassword, directs, facilityName, groups, otherDevices, people } from './facility.ts'
import { speakersOf } from './talk-history.ts'
import { misspelt, seededRandom, spoken, weatherReport } from './wording.ts'

const names = new Set(people.map((person) => person.name))
const every = [...Object.values(talk).flat(), ...directTalk]

describe('the facility', () => {
  it('names only people and groups that it has, each once', () => {
    expect(names.size).toBe(people.length)
    const groupNames = new Set(groups.map((group) => group.name))
    const mentioned = [
      ...channels.flatMap((channel) => [channel.by, ...channel.members, ...(channel.posters ?? [])]),
      ...directs.flat(),
      ...otherDevices.map((device) => device.person),
    ]
    expect(mentioned.filter((name) => !names.has(name))).toEqual([])
    const usedGroups = [
      ...people.flatMap((person) => person.groups),
      ...channels.flatMap((channel) => channel.groups),
    ]
    expect(usedGroups.filter((name) => !groupNames.has(name))).toEqual([])
  })

  it('would pass the border like what anybody types', () => {
    for (const { name, displayName, role, kind } of people)
      input.personAdd.parse({ name, displayName, role, kind, password: demoPassword })
    for (const { name, kind, topic, retentionDays } of channels)
      input.channelCreate.parse({ name, kind, topic, retentionDays })
    for (const group of groups) input.groupCreate.parse(group)
    checkPassword(demoPassword, { minLength: 12, notEqualTo: [facilityName, ...names] })
  })

  it('lets only those talk whose role may', () => {
    const roleOf = new Map(people.map((person) => [person.name, person.role]))
    const speakers = [...channels.flatMap(speakersOf), ...directs.flat()]
    expect(speakers.filter((name) => !allowed('frame.send', roleOf.get(name) ?? null))).toEqual([])
  })

  it('has something to say in every channel of people', () => {
    expect(channels.filter((channel) => channel.weight > 0 && !talk[channel.name])).toEqual([])
  })
})

describe('what is said', () => {
  it('can be filled in and sent, whatever chance brings', () => {
    fc.assert(
      fc.property(fc.constantFrom(...every), fc.integer(), (conversation, seed) => {
        const lines = spoken(conversation, seededRandom(seed))
        expect(lines).toHaveLength(conversation.length)
        expect(lines[0]?.answersLineBefore).toBe(false)
        for (const { text } of lines) {
          bodySchema.parse(text)
          expect(text).not.toMatch(/[{}]/)
          expect(misspelt(text)).not.toBe(text)
        }
      }),
    )
  })

  it('says the same for the same seed, and the same of one thing in a conversation', () => {
    const conversation = ['a {vessel} at berth {berth}', 'b>! {vessel} and {vessel2}']
    const once = spoken(conversation, seededRandom(7))
    expect(spoken(conversation, seededRandom(7))).toEqual(once)
    const vessel = once[0]?.text.split(' at berth')[0]
    expect(once[1]?.text.startsWith(`${vessel} and `)).toBe(true)
    expect(once[1]?.text).not.toBe(`${vessel} and ${vessel}`)
    expect(once[1]).toMatchObject({ speaker: 'b', priority: 'high', answersLineBefore: true })
  })

  it('names a line that it cannot read, and a blank that it does not know', () => {
    expect(() => spoken(['hello'], seededRandom(1))).toThrow('This line has no speaker: hello')
    expect(() => spoken(['a {ship}'], seededRandom(1))).toThrow('{ship}')
  })

  it('reports weather that changes little in half an hour', () => {
    const wind = (report: string) => Number(/Wind \w+ (-?[\d.]+) m/.exec(report)?.[1])
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (at) => {
        const [now, later] = [wind(weatherReport(at)), wind(weatherReport(at + 1_800_000))]
        expect(Math.abs(now - later)).toBeLessThan(1.5)
        expect(now).toBeGreaterThan(0)
      }),
    )
  })
})
