/** How the facility came to be and what its staff did since, as steps of the history. */
import { createHash } from 'node:crypto'
import { newId, randomToken } from '../platform/random.ts'
import { issueDeviceCertificate } from '../trust/ca.ts'
import type { PublicJwk } from '../trust/dpop.ts'
import { channels, directs, groups, otherDevices, ownerName, people } from './facility.ts'
import type { History, Step } from './history.ts'
import { dayMs, type Place } from './talk-history.ts'
import { between, pick, type Random } from './wording.ts'

const minuteMs = 60_000
const hourMs = 3_600_000
/** Validity of the sessions of the past. */
const sessionDays = 14
/** Sign-ins are shown for so many days. */
const loginDays = 5

/** The public half of a device's key, and the name by which the node knows it (RFC 7638). */
export interface DeviceIdentity {
  thumbprint: string
  publicJwk: PublicJwk
}

/** Adds the people, groups and channels. Places get their ids when they are made. */
export function foundingSteps(options: {
  startAt: number
  passwordHash: string
  places: Map<string, Place>
}): Step[] {
  const { startAt, passwordHash, places } = options
  const steps: Step[] = []
  let at = startAt
  const next = (apply: Step['apply']): void => {
    at += 40_000
    steps.push({ at, apply })
  }
  for (const { name, displayName, role, kind } of people) {
    if (name === ownerName) continue
    next((history) =>
      history.control('person.add', ownerName, {
        id: newId('p', history.clock.now()),
        name,
        displayName,
        // Luís is promoted later.
        role: name === 'luis' ? 'member' : role,
        kind,
        passwordHash,
        mustChange: false,
      }),
    )
  }
  for (const { name, description } of groups)
    next((history) =>
      history.control('group.create', ownerName, {
        id: newId('g', history.clock.now()),
        name,
        description,
        members: people.filter((p) => p.groups.includes(name)).map((p) => history.person(p.name).id),
      }),
    )
  for (const channel of channels) next((history) => makeChannel(history, channel, places))
  for (const [a, b] of directs)
    next(async (history) => {
      const id = await history.control('channel.direct', a, {
        id: newId('c', history.clock.now()),
        people: [history.person(a).id, history.person(b).id],
        retentionDays: null,
      })
      placeIn(places, directName(a, b)).id = id as string
    })
  return steps
}

export const directName = (a: string, b: string): string => `${a} and ${b}`

/** The place by its name; made here at the first mention, with its id to come. */
export function placeIn(places: Map<string, Place>, name: string): Place {
  const place = places.get(name) ?? { name, id: '' }
  places.set(name, place)
  return place
}

async function makeChannel(
  history: History,
  channel: (typeof channels)[number],
  places: Map<string, Place>,
): Promise<void> {
  const place = placeIn(places, channel.name)
  place.id = newId('c', history.clock.now())
  await history.control('channel.create', channel.by, {
    id: place.id,
    kind: channel.kind,
    name: channel.name,
    topic: channel.topic,
    directKey: null,
    retentionDays: channel.retentionDays ?? null,
    members: channel.members.map((name) => history.person(name).id),
    groups: channel.groups.map((name) => history.groupId(name)),
  })
  for (const poster of channel.posters ?? [])
    await history.control('channel.setMemberRole', channel.by, {
      id: place.id,
      person: history.person(poster).id,
      role: 'poster',
      byRole: false,
    })
}

/** Devices asking for enrolment, and what staff decided. */
export function deviceSteps(options: {
  startAt: number
  now: number
  random: Random
  identityOf: (deviceName: string) => DeviceIdentity
}): Step[] {
  const { startAt, now, random, identityOf } = options
  const steps: Step[] = []
  const live = people.flatMap((p) =>
    p.device ? [{ ...p.device, person: p.name, fate: 'approved' as const }] : [],
  )
  for (const device of [...live, ...otherDevices]) {
    const id = { value: '' }
    const askedAt =
      device.fate === 'pending'
        ? now - between(random, 5, 200) * minuteMs
        : startAt + 4 * hourMs + between(random, 0, dayMs)
    const { thumbprint, publicJwk } = identityOf(device.name)
    steps.push({
      at: askedAt,
      apply: (history) => {
        id.value = newId('d', askedAt)
        return history.control('device.enrol', device.person, {
          id: id.value,
          personId: history.person(device.person).id,
          name: device.name,
          platform: device.platform,
          thumbprint,
          publicKey: JSON.stringify(publicJwk),
          certificate: null,
        })
      },
    })
    if (device.fate === 'pending') continue
    const decider = pick(random, ['elin', 'tomasz'])
    steps.push({
      at: askedAt + between(random, 2, 90) * minuteMs,
      apply: async (history) => {
        const { certificate, serial, expiresAt } = await issueDeviceCertificate(
          history.core.folder.trust.authority,
          {
            deviceId: id.value,
            personName: device.person,
            deviceName: device.name,
            publicKey: publicJwk,
            nowMs: history.clock.now(),
          },
        )
        await history.control('device.approve', decider, {
          id: id.value,
          certificate: { pem: certificate, serial, expiresAt },
        })
        const { site, tags } = device
        await history.control('device.update', decider, { id: id.value, site, tags: [...tags] })
      },
    })
    if (device.fate === 'revoked')
      steps.push({
        at: startAt + between(random, 8, 16) * dayMs,
        apply: (history) =>
          history.control('device.revoke', 'tomasz', { id: id.value, reason: device.reason ?? '' }),
      })
  }
  return steps
}

/** What administrators, and some who tried their luck, did in these weeks. */
export function staffSteps(options: {
  startAt: number
  places: Map<string, Place>
  passwordHash: string
}): Step[] {
  const { startAt, places, passwordHash } = options
  const steps: Step[] = []
  const on = (day: number, apply: Step['apply']): void => {
    steps.push({ at: Math.round(startAt + day * dayMs), apply })
  }
  const wrongPassword = (day: number, name: string, times: number, remote: string): void => {
    for (let i = 0; i < times; i++)
      on(day + (i * 9000) / dayMs, (history) => {
        const { directory, proposer } = history.core
        const personId = directory.peopleByName.get(name)?.id ?? null
        const payload = { name, personId, attempts: 5, count: 1 }
        return proposer.propose('login.failed', { id: 'anonymous', name, remote }, payload)
      })
  }
  on(1.1, (history) =>
    history.control('settings.update', 'tomasz', {
      version: history.core.directory.settings.get('policy')?.version ?? 0,
      policy: { sessionDays: 14, passwordMinLength: 12 },
      facility: null,
    }),
  )
  wrongPassword(3.35, 'viktor', 5, '10.40.7.31')
  on(3.36, (history) => history.control('person.unlock', 'amina', { id: history.person('viktor').id }))
  on(9.4, (history) =>
    history.control('person.setPassword', 'amina', {
      id: history.person('claire').id,
      passwordHash,
      mustChange: false,
      keepSession: null,
    }),
  )
  on(15.3, (history) =>
    history.control('person.setRole', ownerName, { id: history.person('luis').id, role: 'helpdesk' }),
  )
  on(17.2, (history) => history.control('person.suspend', 'tomasz', { id: history.person('viktor').id }))
  on(18.5, (history) =>
    history.control('channel.archive', ownerName, {
      id: placeIn(places, 'winter-storm-drill').id,
      archived: true,
    }),
  )
  wrongPassword(22.1, 'root', 3, '10.40.9.77')
  on(24.4, (history) =>
    history.control('audit.used', 'katerina', { action: 'audit.exported', detail: { fromSeq: 1 } }),
  )
  on(26.2, (history) =>
    history.control('channel.update', 'elin', {
      id: placeIn(places, 'gate').id,
      topic: 'Trucks, seals, customs holds. Kiosk north: +2 44',
    }),
  )
  return steps
}

const userAgents = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
  'holdfast-cli/0.1.0',
]

/** People signing in and out over the last days. */
export function loginSteps(options: { now: number; random: Random }): Step[] {
  const { now, random } = options
  const steps: Step[] = []
  for (const { name, kind } of people) {
    if (kind === 'service' || name === 'viktor') continue
    for (let day = loginDays; day > 0; day--) {
      if (random() < 0.4) continue
      const at = new Date(now - day * dayMs).setHours(6, 0, 0, 0) + between(random, 0, 6 * hourMs)
      const id = newId('s', at)
      steps.push({
        at,
        apply: (history) =>
          history.control('session.create', name, {
            id,
            personId: history.person(name).id,
            tokenHash: createHash('sha256').update(randomToken()).digest('hex'),
            deviceId: null,
            userAgent: pick(random, userAgents),
            remote: history.actor(name).remote,
            expiresAt: at + sessionDays * dayMs,
          }),
      })
      // The last one is left open by some.
      if (day === 1 && random() < 0.5) continue
      steps.push({
        at: at + 8 * hourMs,
        apply: (history) => history.control('session.end', name, { id, reason: 'signed out' }),
      })
    }
  }
  return steps
}
