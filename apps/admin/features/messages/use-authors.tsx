'use client'
import { useMemo } from 'react'
import { useDirectory } from '../people/use-directory.ts'
import type { Author } from './author.tsx'

/** Looks up who wrote an entry. The same id gives the same object until the names are loaded again. */
export function useAuthorOf(): (id: string) => Author {
  const { byId, isLoaded } = useDirectory()
  return useMemo(() => {
    const strangers = new Map<string, Author>()
    return (id: string) => {
      const known = byId.get(id) ?? strangers.get(id)
      if (known !== undefined) return known
      const stranger = { id, name: id, displayName: isLoaded ? 'Somebody no longer here' : '…' }
      strangers.set(id, stranger)
      return stranger
    }
  }, [byId, isLoaded])
}
