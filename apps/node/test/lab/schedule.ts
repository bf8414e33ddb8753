/** Faults at times that a seed determines: the same seed and options give the same schedule on every machine. */
import { type FaultName, faultKinds } from './fault-kinds.ts'

export interface TimedFault {
  name: FaultName
  /** From the start of the run; faults do not overlap. */
  atMs: number
  durationMs: number
  /** What the kind of fault leaves open, within its bounds. */
  values: Record<string, number>
}

export interface ScheduleOptions {
  /** The last fault is healed before. */
  durationMs: number
  /** How many there are to choose from. */
  nodes: number
  faults: readonly FaultName[]
  /** Least and longest time between the end of a fault and the next one. */
  calmMs?: readonly [least: number, most: number]
  /** Times that all faults last; each kind has its own when absent. */
  faultMs?: readonly [least: number, most: number]
}

const defaultCalmMs = [2000, 6000] as const

/** Every fault comes once, in random order, before one comes again. */
export function schedule(seed: number, options: ScheduleOptions): TimedFault[] {
  const { durationMs, nodes, faults, calmMs = defaultCalmMs, faultMs } = options
  if (faults.length === 0) return []
  const random = seededRandom(seed)
  const between = ([least, most]: readonly [number, number]) =>
    least + Math.floor(random() * (most - least + 1))
  const timed: TimedFault[] = []
  let deck: FaultName[] = []
  for (let nowMs = between(calmMs); ; nowMs += between(calmMs)) {
    if (deck.length === 0) deck = shuffled(faults, random)
    const name = deck.pop()!
    const kind = faultKinds[name]
    const lastsMs = between(faultMs ?? kind.durationMs)
    if (nowMs + lastsMs > durationMs) return timed
    const values = Object.fromEntries(
      Object.entries(kind.values).map(([value, range]) => [value, between(range)]),
    )
    timed.push({ name, atMs: nowMs, durationMs: lastsMs, values: { node: between([1, nodes]), ...values } })
    nowMs += lastsMs
  }
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const deck = [...items]
  for (let last = deck.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[deck[last], deck[other]] = [deck[other]!, deck[last]!]
  }
  return deck
}

/** Numbers in [0, 1) from a seed: SplitMix32, whose 32-bit state steps by the golden ratio and is mixed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
}
