'use client'

import { useSearchParams } from 'next/navigation'

/**
 * The `?id=` of the address, so that a detail can be linked to and the browser's Back closes it. The history is changed
 * directly: the page stays, and nothing is loaded for it.
 */
export function useSelectedId(): [string | null, (id: string | null) => void] {
  const id = useSearchParams().get('id')
  const select = (next: string | null) => {
    if (next === id) return
    const address = new URL(window.location.href)
    if (next === null) address.searchParams.delete('id')
    else address.searchParams.set('id', next)
    window.history.pushState(null, '', address)
  }
  return [id, select]
}
