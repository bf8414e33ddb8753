'use client'

import { limits } from '@holdfast/api/contract/limits'
import type { PersonView } from '@holdfast/api/services'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { api, trpc } from '../../lib/api.ts'
import { useAllowed } from '../session/use-session.ts'

/** Pages of people loaded for names; a facility beyond this is searched instead of listed. */
const directoryPagesMax = 20
const directoryFreshMs = 60_000

async function loadEverybody(signal: AbortSignal): Promise<PersonView[]> {
  const people: PersonView[] = []
  for (let page = 0; page < directoryPagesMax; page++) {
    const { rows, total } = await api.people.list.query(
      { offset: people.length, limit: limits.listRows },
      { signal },
    )
    people.push(...rows)
    if (rows.length === 0 || people.length >= total) break
  }
  return people
}

export interface Directory {
  people: readonly PersonView[]
  byId: ReadonlyMap<string, PersonView>
  isLoaded: boolean
  error: unknown
}

/** Everybody's names by id: entries of channels and presence carry ids only. Empty for roles that may not know. */
export function useDirectory(): Directory {
  const may = useAllowed()
  const query = useQuery({
    queryKey: [...trpc.people.list.queryKey(), 'directory'],
    queryFn: ({ signal }) => loadEverybody(signal),
    staleTime: directoryFreshMs,
    enabled: may('people.list'),
  })
  const people = query.data
  return useMemo(
    () => ({
      people: people ?? [],
      byId: new Map((people ?? []).map((person) => [person.id, person])),
      isLoaded: people !== undefined,
      error: query.error,
    }),
    [people, query.error],
  )
}
