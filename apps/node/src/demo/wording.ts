/** Chance and words: conversations with their blanks filled in. */
import { type Priority, priorities } from '@holdfast/api/contract/names'
import type { Conversation } from './conversations.ts'

/** A number of at least 0 and below 1. */
export type Random = () => number

/** Mulberry32: the same numbers for the same seed, so that two demos look alike. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A whole number from `low` to `high`, both included. */
export const between = (random: Random, low: number, high: number): number =>
  low + Math.floor(random() * (high - low + 1))

export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new Error('Nothing to pick from.')
  return item
}

export interface Line {
  /** Letter of the speaker. */
  speaker: string
  text: string
  priority: Priority
  answersLineBefore: boolean
}

const linePattern = /^([a-e])(>?)(!{0,2}) (.+)$/

const vessels = [
  'Aurelia Star',
  'Baltic Heron',
  'Cabo Verde',
  'Dagny',
  'Eystra Trader',
  'Fjordling',
  'Hai Feng',
  'Ionian Grace',
  'Kestrel Bay',
  'Lofotstrøm',
  'Maria Celeste II',
  'Nordic Plover',
  'Sankt Olav',
  'Tasman Reefer',
]
const tugNames = ['Bjarka', 'Ternen', 'Storegg']
const firstNames = ['Priya', 'Rosa', 'Joseph', 'Anil', 'Oksana']
const letters = 'BCDFGHJKLMNPRSTVWXYZ'

const two = (value: number): string => String(value).padStart(2, '0')

/** What may stand in braces; a digit at the end asks for another one of the kind. */
const blanks: Readonly<Record<string, (random: Random) => string>> = {
  vessel: (random) => pick(random, vessels),
  tug: (random) => pick(random, tugNames),
  first: (random) => pick(random, firstNames),
  berth: (random) => String(between(random, 1, 9)),
  crane: (random) => String(between(random, 1, 4)),
  time: (random) => `${two(between(random, 0, 23))}:${two(5 * between(random, 0, 11))}`,
  n: (random) => String(between(random, 2, 38)),
  draught: (random) => `${between(random, 5, 11)}.${between(random, 0, 9)}`,
  wave: (random) => `${between(random, 0, 2)}.${between(random, 1, 9)}`,
  wind: (random) => String(between(random, 18, 29)),
  truck: (random) =>
    `${pick(random, [...letters])}${pick(random, [...letters])} ${between(random, 10000, 99999)}`,
  container: (random) => `KVKU ${between(random, 100000, 999999)}-${between(random, 0, 9)}`,
}

/** A conversation as it is said this time. @throws Error naming the line that cannot be read or filled in */
export function spoken(conversation: Conversation, random: Random): Line[] {
  const filled = new Map<string, string>()
  const fill = (name: string): string => {
    const known = filled.get(name)
    if (known !== undefined) return known
    const blank = blanks[name.replace(/\d$/, '')]
    if (blank === undefined) throw new Error(`Nothing is known to fill in for {${name}}.`)
    const taken = new Set(filled.values())
    let value = blank(random)
    for (let tries = 0; taken.has(value) && tries < 20; tries++) value = blank(random)
    filled.set(name, value)
    return value
  }
  return conversation.map((text) => {
    const parts = linePattern.exec(text)
    if (parts === null) throw new Error(`This line has no speaker: ${text}`)
    const [, speaker = '', answers, marks = '', words = ''] = parts
    return {
      speaker,
      text: words.replaceAll(/\{(\w+)\}/g, (_, name: string) => fill(name)),
      priority: priorities[marks.length] ?? 'normal',
      answersLineBefore: answers === '>',
    }
  })
}

/** The text with two letters of its longest word exchanged: what somebody edits right away. */
export function misspelt(text: string): string {
  const longest = text.split(' ').reduce((a, b) => (b.length > a.length ? b : a), '')
  const characters = [...longest]
  const at = characters.findIndex((character, i) => i > 0 && character !== (characters[i + 1] ?? character))
  if (at < 0) return `${text}..`
  const [one = '', other = ''] = characters.splice(at, 2)
  characters.splice(at, 0, other, one)
  return text.replace(longest, characters.join(''))
}

/** What the weather mast reports: smooth over the hours, so that neighbouring reports agree. */
export function weatherReport(atMs: number): string {
  const hours = atMs / 3_600_000
  const wind = 8 + 5 * Math.sin(hours / 9) + 2 * Math.sin(hours / 2.3)
  const gust = wind * 1.35
  // The principal lunar semidiurnal tide has a period of 12.42 hours.
  const tide = 1.6 + 1.2 * Math.sin((2 * Math.PI * hours) / 12.42)
  const from = pick(() => Math.abs(Math.sin(hours / 31)), ['NW', 'WNW', 'W', 'WSW', 'SW'])
  return `Wind ${from} ${wind.toFixed(1)} m/s, gusts ${gust.toFixed(1)} · tide ${tide.toFixed(2)} m · swell ${(wind / 9).toFixed(1)} m · ${(4 + 3 * Math.sin(hours / 13)).toFixed(1)} °C`
}
