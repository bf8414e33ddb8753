'use client'
import { useQuery } from '@tanstack/react-query'
import { trpc } from '../../lib/api.ts'
import { browserKeyOptions } from '../../lib/browser-proof.ts'

/** An approval that somebody else gives shows here within this. */
const refetchMs = 5_000

/** This browser's key and the node's record of it. */
export function useBrowserDevice() {
  const key = useQuery(browserKeyOptions)
  const mine = useQuery(trpc.devices.mine.queryOptions(undefined, { refetchInterval: refetchMs }))
  const device = mine.data?.find((each) => each.thumbprint === key.data?.thumbprint)
  return { key, mine, device, isLoaded: key.data !== undefined && mine.data !== undefined }
}

/**
 * The key to prove the connection with: only that of an approved device, because the node hangs up on any other.
 * Undefined until it is known whether there is one; null when this browser has none or keeps none.
 */
export function useApprovedKey() {
  const { key, mine, device } = useBrowserDevice()
  if (key.isError) return null
  // A later look that fails changes nothing: the node is away, and what was known of the device still holds.
  if (mine.data === undefined) return mine.isError ? null : undefined
  if (key.data === undefined) return undefined
  return device?.status === 'approved' ? key.data : null
}
