/** The typed client of a node's procedures (tRPC over HTTP), for tools and for everything that is not messaging. */
import { createTRPCUntypedClient, httpLink, type TRPCClient, TRPCClientError } from '@trpc/client'
import { HoldfastError } from '../contract/errors.ts'
import type { AppRouter } from '../router/router.ts'
import { defaultTiming } from './bounds.ts'
import type { DeviceKey } from './device-key.ts'
import { isErrorCode, UnreachableError } from './errors.ts'
import { createFailover } from './failover.ts'
import { NodeList } from './node-list.ts'
import { trpcPath } from './urls.ts'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>
export type Api = TRPCClient<AppRouter>

export interface ApiOptions {
  /** Addresses of nodes of the facility, `https://host:port`, the best first; or a list shared with a `Client`. */
  urls: readonly string[] | NodeList
  /** Session token; without one the browser's session cookie speaks. */
  token?: string
  /** Key of this device; given, every request carries a proof made with it. */
  deviceKey?: DeviceKey
  /** The platform's fetch unless given; in Node the one of client/node.ts knows the facility's CA. */
  fetch?: Fetch
  /** How long a query waits for one node before it asks the next one as well, milliseconds. */
  hedgeMs?: number
  /** How long a call is made again while the nodes have no majority, milliseconds; none of those tries changed anything. */
  quorumWaitMs?: number
  /** Whether calls that change something may be made again when it is not known whether the first arrived. */
  repeatable?: boolean
}

/** Between two tries while there is no majority. */
const quorumAgainMs = 250
/** Clock differences below this are not worth a second try; iat has a resolution of one second. */
export const clockToleranceMs = 2000

/**
 * A client of the nodes' procedures: `api.people.list.query({ text: 'ann' })`. When a node does not answer, a query goes to
 * the next one; a mutation does so only when it surely did not arrive, and otherwise fails saying that this is not known.
 * Every call rejects with HoldfastError, or UnreachableError when no node answered.
 */
export function createApi(options: ApiOptions): Api {
  const nodes = NodeList.of(options.urls)
  const reach = createFailover({
    nodes,
    send: authenticatedFetch(options),
    hedgeMs: options.hedgeMs ?? defaultTiming.hedgeMs,
    repeatable: options.repeatable ?? false,
  })
  // Stands for whichever node it will be.
  const somewhere = nodes.best
  let last = somewhere
  const send: Fetch = (url, init) =>
    reach(url.slice(somewhere.length), init, (node) => {
      last = node
    })
  const client = createTRPCUntypedClient<AppRouter>({
    links: [httpLink({ url: `${somewhere}${trpcPath}`, fetch: send as typeof fetch })],
  })
  const ask = (path: string[], input: unknown): Promise<unknown> => {
    const procedure = path.slice(0, -1).join('.')
    const verb = path.at(-1)
    if (verb === 'query') return client.query(procedure, input)
    if (verb === 'mutate') return client.mutation(procedure, input)
    return Promise.reject(new Error(`There is no "${verb}" here; procedures have query and mutate.`))
  }
  const once = async (path: string[], input: unknown): Promise<unknown> => {
    try {
      return await ask(path, input)
    } catch (error) {
      const failure = toHoldfastError(error, last)
      if (failure instanceof HoldfastError && failure.code === 'no-quorum') nodes.refused(last)
      throw failure
    }
  }
  const call = (path: string[], input: unknown): Promise<unknown> =>
    holdsProof(input)
      ? once(path, input)
      : whileNoMajority(() => once(path, input), options.quorumWaitMs ?? defaultTiming.quorumWaitMs)
  return pathProxy(call) as unknown as Api
}

/** A proof serves once, also when nothing came of it: whoever made it makes another. */
const holdsProof = (input: unknown): boolean =>
  typeof input === 'object' && input !== null && 'proof' in input && input.proof !== undefined

/** Asks again while the nodes have no majority and say that nothing was done; a new leader is chosen within seconds. */
export async function whileNoMajority<T>(
  ask: () => Promise<T>,
  waitMs: number = defaultTiming.quorumWaitMs,
): Promise<T> {
  const giveUpAt = performance.now() + waitMs
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      const nothingDone =
        error instanceof HoldfastError && error.code === 'no-quorum' && error.retryAfterMs !== null
      if (!nothingDone || performance.now() > giveUpAt) throw error
      await new Promise((resolve) => setTimeout(resolve, quorumAgainMs))
    }
  }
}

/** The one map from what tRPC's client throws to our errors. */
export function toHoldfastError(error: unknown, origin: string): Error {
  if (error instanceof HoldfastError || error instanceof UnreachableError) return error
  if (error instanceof TRPCClientError) {
    const data: unknown = error.data
    if (typeof data === 'object' && data !== null && 'holdfast' in data && isErrorCode(data.holdfast))
      return new HoldfastError(data.holdfast, error.message, { cause: error, ...retryAfter(data) })
    if (error.cause instanceof HoldfastError || error.cause instanceof UnreachableError) return error.cause
  }
  const message = error instanceof Error ? error.message : String(error)
  return new UnreachableError(`${origin} did not answer as a Holdfast node does: ${message}`, {
    cause: error,
  })
}

function retryAfter(data: object): { retryAfterMs?: number } {
  const known = 'retryAfterMs' in data && typeof data.retryAfterMs === 'number'
  return known ? { retryAfterMs: data.retryAfterMs as number } : {}
}

/**
 * Adds the credentials to each request. When a node finds a proof invalid although the key is right, the usual reason
 * is a wrong clock, and facilities without internet have many of those; the answer's Date says how wrong it is, and the
 * request is made once more by the node's clock.
 */
function authenticatedFetch(options: ApiOptions): Fetch {
  const { token, deviceKey, fetch: send = (url, init) => fetch(url, init) } = options
  /** How far each node's clock is ahead, in ms. */
  const clocks = new Map<string, number>()
  const attempt = async (url: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers)
    if (token !== undefined) headers.set('authorization', `${deviceKey ? 'DPoP' : 'Bearer'} ${token}`)
    if (deviceKey) {
      const { origin, pathname } = new URL(url)
      const clockOffsetMs = clocks.get(origin) ?? 0
      const proof = await deviceKey.proof({
        htm: init.method ?? 'GET',
        htu: `${origin}${pathname}`,
        atMs: Date.now() + clockOffsetMs,
        ...(token === undefined ? {} : { token }),
      })
      headers.set('dpop', proof)
    }
    return send(url, { ...init, headers })
  }
  return async (url, init) => {
    const first = await attempt(url, init)
    if (!deviceKey || first.status !== 401) return first
    const { origin } = new URL(url)
    const offsetMs = clockDifference(first)
    if (Math.abs(offsetMs - (clocks.get(origin) ?? 0)) < clockToleranceMs) return first
    clocks.set(origin, offsetMs)
    return attempt(url, init)
  }
}

/** How far the node's clock is ahead of ours, in ms; 0 when the answer does not say. */
export function clockDifference(response: Response): number {
  const date = Date.parse(response.headers.get('date') ?? '')
  return Number.isNaN(date) ? 0 : date - Date.now()
}

type Call = (path: string[], input: unknown) => Promise<unknown>

/** Turns `a.b.query(x)` into `call(['a', 'b', 'query'], x)`. */
function pathProxy(call: Call, path: string[] = []): unknown {
  return new Proxy(() => {}, {
    get(_, key) {
      // A proxy that has a `then` would be taken for a promise by `await`.
      if (typeof key !== 'string' || key === 'then') return undefined
      return pathProxy(call, [...path, key])
    },
    apply: (_, __, [input]: unknown[]) => call(path, input),
  })
}
