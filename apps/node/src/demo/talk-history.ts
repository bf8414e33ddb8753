/** What was said in the past weeks, as steps of the history. */
import { type Conversation, directTalk, talk } from './conversations.ts'
import { channels, type DemoChannel, directs, ownerName, people } from './facility.ts'
import type { Step } from './history.ts'
import { between, misspelt, pick, type Random, spoken, weatherReport } from './wording.ts'

const minuteMs = 60_000
const hourMs = 3_600_000
export const dayMs = 86_400_000

/** Days of talk. */
export const historyDays = 27
/** Conversations in all channels together; a conversation has about four lines. */
const conversations = 470
/** Conversations of each pair. */
const directConversations = 7
/** Days of reports by the weather mast, and their distance. */
const weatherDays = 6
const weatherEveryMs = hourMs / 2
/** Shares of lines that their authors edit, or delete. */
const editedShare = 0.025
const deletedShare = 0.008
/** The talk of the last hours, so that today is not empty. */
const recentMs = 3 * hourMs

/** Where talk goes: the channel's id is known once it is made. */
export interface Place {
  name: string
  id: string
}

/** Who may write in the channel. */
export function speakersOf(channel: DemoChannel): string[] {
  if (channel.kind === 'announcement') return [channel.by, ...(channel.posters ?? [])]
  const inGroups = people
    .filter((person) => person.groups.some((group) => channel.groups.includes(group)))
    .map((person) => person.name)
  const all = new Set([channel.by, ...inGroups, ...channel.members])
  // Viktor has left the port, and the mast reports only.
  for (const silent of ['viktor', 'weather-mast']) all.delete(silent)
  return [...all]
}

/** Steps of all talk up to `now`. */
export function talkSteps(options: {
  now: number
  random: Random
  placeOf: (name: string) => Place
  directPlaceOf: (a: string, b: string) => Place
}): Step[] {
  const { now, random, placeOf, directPlaceOf } = options
  const steps: Step[] = []
  const total = channels.reduce((sum, channel) => sum + channel.weight, 0)
  for (const channel of channels) {
    const stock = talk[channel.name] ?? []
    const count = Math.round((channel.weight / total) * conversations)
    for (let i = 0; i < count; i++) {
      const startAt = channel.archived ? drillTime(now, random) : timeOf(now, random, i < 2)
      const speakers = cast(speakersOf(channel), { random, recent: i < 2 })
      steps.push(
        ...conversationSteps({ place: placeOf(channel.name), stock, speakers, startAt, now, random }),
      )
    }
  }
  for (const [a, b] of directs) {
    for (let i = 0; i < directConversations; i++) {
      const startAt = timeOf(now, random, i === 0)
      const speakers = random() < 0.5 ? [a, b] : [b, a]
      steps.push(
        ...conversationSteps({
          place: directPlaceOf(a, b),
          stock: directTalk,
          speakers,
          startAt,
          now,
          random,
        }),
      )
    }
  }
  for (let at = now - weatherDays * dayMs; at < now - minuteMs; at += weatherEveryMs)
    steps.push({
      at,
      apply: (history) => history.send(placeOf('weather-and-tide').id, 'weather-mast', weatherReport(at)),
    })
  return steps
}

/** The speakers in a new order; the owner leads the port, seldom chats, and has not looked in lately. */
function cast(names: readonly string[], { random, recent }: { random: Random; recent: boolean }): string[] {
  const ownerShare = recent ? 0 : 0.2
  return names
    .filter((name) => name !== ownerName || names.length <= 3 || random() < ownerShare)
    .map((name) => ({ name, by: random() }))
    .sort((a, b) => a.by - b.by)
    .map(({ name }) => name)
}

/** A moment of the past weeks, more often by day; or of the last hours. */
function timeOf(now: number, random: Random, recent: boolean): number {
  if (recent) return now - recentMs + between(random, 0, recentMs - 12 * minuteMs)
  const day = new Date(now - between(random, 0, historyDays - 1) * dayMs)
  const [from, to] = random() < 0.75 ? [6, 18] : [0, 24]
  const at = day.setHours(0, 0, 0, 0) + between(random, from * hourMs, to * hourMs)
  return Math.min(at, now - 15 * minuteMs - between(random, 0, hourMs))
}

/** The drill was on one evening. */
function drillTime(now: number, random: Random): number {
  return new Date(now - 20 * dayMs).setHours(18, 0, 0, 0) + between(random, 0, hourMs)
}

function conversationSteps(options: {
  place: Place
  stock: readonly Conversation[]
  speakers: readonly string[]
  startAt: number
  now: number
  random: Random
}): Step[] {
  const { place, stock, speakers, now, random } = options
  const steps: Step[] = []
  let at = options.startAt
  let before: { seq: number } | null = null
  for (const line of spoken(pick(random, stock), random)) {
    const letter = line.speaker.charCodeAt(0) - 'a'.charCodeAt(0)
    const from = speakers[letter % speakers.length]
    if (from === undefined) continue
    // Its sequence is known once it is applied; what answers, edits or deletes it comes later.
    const said = { seq: 0 }
    const answered = line.answersLineBefore ? before : null
    const edited = random() < editedShare
    const text = edited ? misspelt(line.text) : line.text
    at = Math.min(at, now - 2 * minuteMs)
    steps.push({
      at,
      apply: async (history) => {
        const reply = answered?.seq ?? null
        said.seq = await history.send(place.id, from, text, { priority: line.priority, reply })
      },
    })
    const changedAt = Math.min(at + 1 + between(random, 15, 80) * 1000, now - minuteMs)
    if (edited)
      steps.push({
        at: changedAt,
        apply: (history) => history.edit(place.id, from, said.seq, line.text),
      })
    else if (random() < deletedShare)
      steps.push({ at: changedAt, apply: (history) => history.delete(place.id, from, said.seq) })
    before = said
    at += between(random, 12, 140) * 1000
  }
  return steps
}
