/**
 * Fills a new data folder with the weeks before now: 1 the facility, made as `holdfast init` makes it, on a clock set back
 * · 2 what happened since, in the order of time, every step a command of the log · 3 who has read what.
 */
import { auditSegments, Core } from '../core.ts'
import { openDataFolder } from '../data-folder.ts'
import { createLogger } from '../platform/logger.ts'
import { NodeSettingsFile } from '../services/settings/node-settings.ts'
import type { PublicJwk } from '../trust/dpop.ts'
import type { DemoKeys } from './demo-keys.ts'
import { demoPassword, facilityName, nodeName, otherDevices, ownerName, people } from './facility.ts'
import { History, HistoryClock } from './history.ts'
import { deviceSteps, directName, foundingSteps, loginSteps, placeIn, staffSteps } from './people-history.ts'
import { dayMs, historyDays, type Place, talkSteps } from './talk-history.ts'
import { between, type Random, seededRandom } from './wording.ts'

const seed = 7443
const minuteMs = 60_000

export const deviceNames: readonly string[] = [
  ...people.flatMap((person) => (person.device ? [person.device.name] : [])),
  ...otherDevices.map((device) => device.name),
]

/** Makes the facility in an empty data folder. `now` is where its history ends, in milliseconds since 1970. */
export async function fillDataFolder(dataDir: string, keys: DemoKeys, now: number): Promise<void> {
  const startAt = now - (historyDays + 1) * dayMs
  const clock = new HistoryClock(startAt)
  const folder = await openDataFolder({ dataDir, facility: facilityName, nodeName, publicNames: [], clock })
  const core = new Core(folder, createLogger({ level: 'error' }), clock)
  try {
    await core.start(() => {})
    const owner = people.find((person) => person.name === ownerName)
    await core
      .setup(() => {})
      .create({
        facility: facilityName,
        nodeName,
        owner: ownerName,
        displayName: owner?.displayName ?? ownerName,
        password: demoPassword,
      })
    // It listens on loopback only, so there is nobody on the LAN to whom it could be announced.
    const discovery = {
      enabled: false,
      mdns: false,
      beacon: false,
      interfaces: 'lan' as const,
      staticPeers: [],
    }
    await new NodeSettingsFile(folder.nodeDb, clock).change({ discovery })
    await writeHistory(core, clock, { keys, now, startAt })
    await using segments = auditSegments(core)
    await segments.start()
  } finally {
    await core.stop()
  }
}

async function writeHistory(
  core: Core,
  clock: HistoryClock,
  { keys, now, startAt }: { keys: DemoKeys; now: number; startAt: number },
): Promise<void> {
  const random = seededRandom(seed)
  const history = new History(core, clock)
  const places = new Map<string, Place>()
  // One hash serves all: they have the same password, and a hash for each would take as long as the history.
  const passwordHash = await core.passwords.hash(demoPassword)
  const identityOf = (deviceName: string) => {
    const { thumbprint, publicJwk } = keys.of(deviceName)
    return { thumbprint, publicJwk: publicJwk as PublicJwk }
  }
  await history.apply([
    ...foundingSteps({ startAt, passwordHash, places }),
    ...deviceSteps({ startAt, now, random, identityOf }),
    ...staffSteps({ startAt, places, passwordHash }),
    ...loginSteps({ now, random }),
    ...talkSteps({
      now,
      random,
      placeOf: (name) => placeIn(places, name),
      directPlaceOf: (a, b) => placeIn(places, directName(a, b)),
    }),
  ])
  clock.at = now - minuteMs / 2
  await markWhatWasRead(history, random)
  await rememberSigns(history, random, now)
}

/** How much the owner has not read, by channel; of all others she has read everything. */
const ownerUnread: Readonly<Record<string, number>> = {
  traffic: 14,
  'cranes-and-yard': 6,
  'mess-room': 3,
  'safety-alerts': 1,
  'weather-and-tide': 9,
}

async function markWhatWasRead(history: History, random: Random): Promise<void> {
  const { directory } = history.core
  for (const channel of directory.channels.values()) {
    const rows = [...channel.members.keys()].map((personNo): [number, number, number, number] => {
      const person = directory.peopleByNo.get(personNo)
      const behind =
        person?.name === ownerName
          ? (ownerUnread[channel.name ?? ''] ?? 0)
          : random() < 0.6
            ? 0
            : between(random, 1, 40)
      // Whoever writes has read what stands before.
      const read = Math.max(channel.head - behind, history.lastOwnSeq(channel.id, person?.name ?? ''))
      const delivered = Math.min(channel.head, read + between(random, 0, behind))
      return [channel.no, personNo, delivered, read]
    })
    if (channel.head > 0) await history.marks(rows)
  }
}

/** Last signs of life: some minutes ago, some days, one never. */
async function rememberSigns(history: History, random: Random, now: number): Promise<void> {
  const { directory } = history.core
  const ago = (): number => {
    const kind = random()
    return kind < 0.5 ? between(random, 2, 90) * minuteMs : between(random, 2, 60) * 60 * minuteMs
  }
  const seenPeople = [...directory.people.values()].filter((person) => person.name !== 'bram')
  const seenDevices = [...directory.devices.values()].filter((device) => device.status !== 'pending')
  await history.seen(
    seenPeople.map((person) => [person.id, now - (person.name === 'viktor' ? 11 * dayMs : ago())]),
    seenDevices.map((device) => [device.id, now - (device.status === 'revoked' ? 12 * dayMs : ago())]),
  )
}
