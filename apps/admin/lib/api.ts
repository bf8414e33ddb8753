import './zod-without-eval.ts'
import type { AppRouter } from '@holdfast/api/router'
import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query'
import { createTRPCClient, createWSClient, httpLink, splitLink, wsLink } from '@trpc/client'
import { createTRPCOptionsProxy } from '@trpc/tanstack-react-query'
import { learnNodeTime } from './clock.ts'
import { failureOf, signedOutCodes } from './errors.ts'
import { markReachable, markUnreachable, onRecovery } from './reachability.ts'
import { noteReadOnly } from './read-only.ts'
import { resubscribeLink } from './resubscribe-link.ts'
import { reportSessionEnd } from './session-end.ts'

const endpoint = '/trpc'
/** Where a facility that admits only approved devices demands a proof of this browser's key. */
const provenPrefix = `${endpoint}/messages.`

/** A query is tried again this often when the node does not answer; a refusal is never tried again. */
const queryRetries = 2
/** What was loaded counts as fresh so long: moving between pages does not load it twice. */
const freshMs = 5_000
/** A silent subscription is noticed within the sum of these two. */
const pingIntervalMs = 5_000
const pongTimeoutMs = 3_000
const reconnectMinMs = 500
const reconnectMaxMs = 5_000

/** Every failure passes here once: it may mean that the node is gone, or that the session is. */
export function noteFailure(error: unknown): void {
  const failure = failureOf(error)
  if (failure.code === 'unreachable') markUnreachable()
  else if (signedOutCodes.has(failure.code)) reportSessionEnd(failure.code)
  else if (failure.code === 'no-quorum') noteReadOnly(failure.text)
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: noteFailure }),
  mutationCache: new MutationCache({ onError: noteFailure, onSuccess: () => noteReadOnly(null) }),
  defaultOptions: {
    // The node works without internet, so the browser's idea of being online says nothing.
    queries: {
      networkMode: 'always',
      staleTime: freshMs,
      retry: (failures, error) => failures < queryRetries && failureOf(error).code === 'unreachable',
    },
    mutations: { networkMode: 'always' },
  },
})

onRecovery(() => void queryClient.invalidateQueries())

/** The one socket for subscriptions: opened by the first, closed after the last. The session cookie speaks for it. */
const socket = createWSClient({
  url: () => `${window.location.protocol === 'https:' ? 'wss' : 'ws'}://${window.location.host}${endpoint}`,
  lazy: { enabled: true, closeMs: 2_000 },
  keepAlive: { enabled: true, intervalMs: pingIntervalMs, pongTimeoutMs },
  // A lost socket means a cut line or an ended session; asking who is signed in tells which.
  onClose: () => void queryClient.invalidateQueries(trpc.auth.me.pathFilter()),
  retryDelayMs: (attempt) => Math.min(reconnectMaxMs, reconnectMinMs * 2 ** attempt),
})

async function fetchFromNode(input: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers)
  const url = new URL(input, window.location.href)
  if (url.pathname.startsWith(provenPrefix)) {
    // Loaded only here, so that other pages do not carry the code of the keys.
    const { proveCall } = await import('./browser-proof.ts')
    const proof = await proveCall(init.method ?? 'GET', url)
    if (proof !== null) headers.set('dpop', proof)
  }
  const answer = await fetch(url, { ...init, headers, credentials: 'same-origin' })
  learnNodeTime(answer.headers.get('date'))
  markReachable()
  return answer
}

/** Calls without React: `api.auth.logout.mutate()`. */
export const api = createTRPCClient<AppRouter>({
  links: [
    splitLink({
      condition: (operation) => operation.type === 'subscription',
      true: [resubscribeLink(), wsLink({ client: socket })],
      false: httpLink({
        url: endpoint,
        fetch: (input, init) => fetchFromNode(input as string, init as RequestInit),
      }),
    }),
  ],
})

/** Options for TanStack Query: `useQuery(trpc.people.list.queryOptions({ text }))`. */
export const trpc = createTRPCOptionsProxy<AppRouter>({ client: api, queryClient })
