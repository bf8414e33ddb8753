/**
 * The live traffic of the demo. The people come in, a few each second, and then four things go on until the end:
 * conversations, comings and goings, reports of the weather mast, and now and then a device that asks for enrolment.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createApi, type Fetch } from '@holdfast/api/client/api'
import { deviceKeyOf, generateKeyPair } from '@holdfast/api/client/device-key'
import { enrol, login } from '@holdfast/api/client/login'
import { talk } from './conversations.ts'
import { channels, demoPassword } from './facility.ts'
import type { SimulatedPerson } from './simulated-person.ts'
import { between, pick, type Random, spoken, weatherReport } from './wording.ts'

/** Bounds of the pace, all in milliseconds: at least, at most. */
const pace = {
  arrival: [150, 500],
  betweenConversations: [500, 3500],
  typing: [800, 2600],
  betweenLines: [700, 4200],
  betweenGoings: [6000, 20_000],
  gone: [15_000, 70_000],
  weather: [45_000, 60_000],
  enrolment: [90_000, 240_000],
} as const
/** Conversations at once; with the pace this keeps the demo below three messages a second. */
const maxConversations = 4
/** People who may be away or gone at once. */
const maxMissing = 5
/** Devices that ask in one run; a person decides about each. */
const maxEnrolments = 8

const enrolling = [
  ['minjun', '파일럿 태블릿 4', 'iPadOS 26'],
  ['thao', 'Yard truck 3', 'Android 16'],
  ['sven', 'Patrol handset 6', 'Android 16'],
  ['greta', 'Gate south kiosk', 'Debian 13'],
  ['gunnar', 'Radio workshop', 'Debian 13'],
  ['hanae', '警備端末 2', 'Windows 11'],
  ['fatima', 'Customs tablet', 'iPadOS 26'],
  ['dmytro', 'Ноутбук Дмитра', 'Debian 13'],
] as const

export interface CrowdOptions {
  url: string
  fetch: Fetch
  people: readonly SimulatedPerson[]
  random: Random
  /** Something that a simulated person could not do; the demo goes on. */
  onTrouble: (error: Error) => void
}

export class Crowd {
  private readonly o: CrowdOptions
  private readonly end = new AbortController()
  private readonly going = new Set<Promise<void>>()
  private readonly missing = new Set<SimulatedPerson>()

  constructor(options: CrowdOptions) {
    this.o = options
  }

  start(): void {
    this.track(this.arriveThenTalk())
  }

  /** Stops the talk, then everybody signs out. */
  async stop(): Promise<void> {
    this.end.abort()
    await Promise.all(this.going)
    await Promise.allSettled(this.o.people.map((person) => person.signOut()))
  }

  private async arriveThenTalk(): Promise<void> {
    for (const person of this.o.people) {
      await this.attempt(() => person.come())
      await this.pause(pace.arrival)
    }
    for (let i = 0; i < maxConversations; i++) this.track(this.repeat(() => this.conversation()))
    this.track(this.repeat(() => this.goAndReturn()))
    this.track(this.repeat(() => this.reportWeather()))
    this.track(this.enrolDevices())
  }

  private async conversation(): Promise<void> {
    await this.pause(pace.betweenConversations)
    const channel = pick(this.o.random, this.weighted)
    const ids = this.o.people.map((person) => ({ person, id: person.channelId(channel) }))
    const speakers = ids.filter(({ person, id }) => person.present && id !== null)
    const stock = talk[channel]
    if (speakers.length < 2 || stock === undefined) return
    const first = Math.floor(this.o.random() * speakers.length)
    let before: number | null = null
    for (const line of spoken(pick(this.o.random, stock), this.o.random)) {
      const letter = line.speaker.charCodeAt(0) - 'a'.charCodeAt(0)
      const speaker = speakers[(first + letter) % speakers.length]
      if (!speaker?.person.present || speaker.id === null) return
      const { person, id } = speaker
      person.typing(id)
      await this.pause(pace.typing)
      before = await person.say(id, line.text, {
        priority: line.priority,
        ...(line.answersLineBefore && before !== null ? { reply: before } : {}),
      })
      await this.pause(pace.betweenLines)
    }
  }

  /** Channels of talk, each as often as it weighs; orders of the harbour master are left to the visitor. */
  private readonly weighted = channels
    .filter((channel) => channel.kind !== 'announcement' && !channel.archived)
    .flatMap((channel) => Array<string>(Math.round(channel.weight)).fill(channel.name))

  /** Somebody puts the device down, or loses the network; he is back some time later. */
  private async goAndReturn(): Promise<void> {
    await this.pause(pace.betweenGoings)
    // The visitor may have ended somebody's session.
    for (const person of this.o.people) if (person.lost) await this.attempt(() => person.come())
    const here = this.o.people.filter((person) => person.present && person.name !== 'weather-mast')
    if (here.length === 0 || this.missing.size >= maxMissing) return
    const person = pick(this.o.random, here)
    const leaves = this.o.random() < 0.5
    this.missing.add(person)
    if (leaves) person.leave()
    else person.setAway(true)
    this.track(this.comeBack(person, leaves))
  }

  private async comeBack(person: SimulatedPerson, left: boolean): Promise<void> {
    await this.pause(pace.gone)
    this.missing.delete(person)
    if (left) await this.attempt(() => person.come())
    else person.setAway(false)
  }

  private async reportWeather(): Promise<void> {
    const mast = this.o.people.find((person) => person.name === 'weather-mast')
    const id = mast?.channelId('weather-and-tide')
    if (mast && id) await mast.say(id, weatherReport(Date.now()), {})
    await this.pause(pace.weather)
  }

  private async enrolDevices(): Promise<void> {
    for (const [name, deviceName, platform] of enrolling.slice(0, maxEnrolments)) {
      await this.pause(pace.enrolment)
      await this.attempt(() => this.enrolOne(name, { name: deviceName, platform }))
    }
  }

  /** Signs in without a key, enrols a new one, and leaves: the device waits for approval. */
  private async enrolOne(name: string, device: { name: string; platform: string }): Promise<void> {
    const { url, fetch } = this.o
    const deviceKey = await deviceKeyOf(await generateKeyPair({ extractable: false }))
    const { token } = await login({ urls: [url], name, password: demoPassword, fetch })
    const api = createApi({ urls: [url], token, fetch })
    await enrol(api, { deviceKey, device })
    await api.auth.logout.mutate()
  }

  private pause([leastMs, mostMs]: readonly [number, number]): Promise<void> {
    return sleep(between(this.o.random, leastMs, mostMs), undefined, { signal: this.end.signal })
  }

  /** A refusal, such as that of a device which the visitor has revoked, ends the deed and not the demo. */
  private async attempt(deed: () => Promise<void>): Promise<void> {
    try {
      await deed()
    } catch (error) {
      if (this.end.signal.aborted) return
      this.o.onTrouble(error instanceof Error ? error : new Error(String(error)))
    }
  }

  private async repeat(work: () => Promise<void>): Promise<void> {
    for (;;) await work()
  }

  /** Waits for the work at the end; that it was interrupted then is no error. */
  private track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => {
        if (!this.end.signal.aborted)
          this.o.onTrouble(error instanceof Error ? error : new Error(String(error)))
      })
      .finally(() => this.going.delete(tracked))
    this.going.add(tracked)
  }
}
