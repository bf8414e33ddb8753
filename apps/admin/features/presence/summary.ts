/** Counting and filtering of who is here. */
import type { PresenceState } from '@holdfast/api/contract/frames'

export type PresenceFilter = 'all' | PresenceState['state']

/** A person with the names that presence alone does not carry. */
export interface PresentPerson extends PresenceState {
  name: string
  displayName: string
}

export type PresenceCounts = Record<PresenceFilter, number>

export function countPresence(people: readonly PresenceState[]): PresenceCounts {
  const counts: PresenceCounts = { all: people.length, online: 0, away: 0, offline: 0 }
  for (const person of people) counts[person.state]++
  return counts
}

/** Takes a batch of changes from the live subscription: the first batch is everybody, later ones only what changed. */
export function mergePresence(
  known: ReadonlyMap<string, PresenceState>,
  batch: readonly PresenceState[],
): ReadonlyMap<string, PresenceState> {
  if (batch.length === 0) return known
  const next = new Map(known)
  for (const state of batch) next.set(state.person, state)
  return next
}

const order = { online: 0, away: 1, offline: 2 } as const

function matches(person: PresentPerson, text: string): boolean {
  const places = person.devices.flatMap((device) => [device.name, device.site])
  return [person.name, person.displayName, ...places].some((value) => value.toLowerCase().includes(text))
}

/** Who is here first, then by name. */
export function selectPresence(
  people: readonly PresentPerson[],
  filter: PresenceFilter,
  search: string,
): PresentPerson[] {
  const text = search.trim().toLowerCase()
  return people
    .filter(
      (person) => (filter === 'all' || person.state === filter) && (text === '' || matches(person, text)),
    )
    .sort((a, b) => order[a.state] - order[b.state] || a.displayName.localeCompare(b.displayName))
}
