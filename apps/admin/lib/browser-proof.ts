/** Proofs (DPoP, RFC 9449) that a call comes from this browser as an enrolled device. Loaded with the first such call. */
import { loadBrowserKey } from '@holdfast/api/client/browser-key-store'
import { queryOptions } from '@tanstack/react-query'
import { queryClient, trpc } from './api.ts'
import { nodeNow } from './clock.ts'

/** This browser's key, or null before it was enrolled; fails where the browser keeps none. */
export const browserKeyOptions = queryOptions({
  queryKey: ['browser-key'],
  queryFn: loadBrowserKey,
  staleTime: Number.POSITIVE_INFINITY,
  // A key is an object with methods, not data to compare.
  structuralSharing: false,
  retry: false,
})

/**
 * A proof for a call to this page's node, or null when this browser is no approved device of the person: the node refuses
 * a call with the proof of any other key. It has no `ath`, because no script can read the token in the cookie.
 */
export async function proveCall(method: string, url: URL): Promise<string | null> {
  const key = await approvedKey()
  if (key === null) return null
  return key.proof({ htm: method, htu: `${url.origin}${url.pathname}`, atMs: nodeNow() })
}

async function approvedKey() {
  try {
    const key = await queryClient.ensureQueryData(browserKeyOptions)
    if (key === null) return null
    const mine = await queryClient.ensureQueryData(trpc.devices.mine.queryOptions())
    const isApproved = mine.some((each) => each.thumbprint === key.thumbprint && each.status === 'approved')
    return isApproved ? key : null
  } catch {
    // The call goes out without a proof, and the node's answer to it says what is the matter.
    return null
  }
}
