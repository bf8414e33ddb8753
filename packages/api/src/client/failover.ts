/** Requests over HTTP to whichever node answers. What changes something is never made twice. */
import type { Fetch } from './api.ts'
import { UnreachableError } from './errors.ts'
import type { NodeList } from './node-list.ts'

export interface FailoverOptions {
  nodes: NodeList
  /** Sends one request to one node: `url` is an address at that node. */
  send: Fetch
  hedgeMs: number
  /** Whether a request that changes something may be made again although the first may have arrived. */
  repeatable: boolean
}

/** Sends to a path of any node; told which node it was. */
export type NodeFetch = (path: string, init: RequestInit, onNode: (url: string) => void) => Promise<Response>

/** A node that is about to stop, or that cannot read now: another one may do better. */
const unavailable = 503
/** Failures that come before anything was sent. */
const neverSent: readonly unknown[] = [
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]

/**
 * A fetch that goes on at the next node:
 * - GET, which changes nothing: at every failure, and beside the first when that one takes long.
 * - anything else: only when the request surely did not reach the node.
 * When no known node answers, others are looked for once, where the list can do that.
 */
export function createFailover(options: FailoverOptions): NodeFetch {
  const { nodes, repeatable } = options
  return async (path, init, onNode) => {
    const isQuery = (init.method ?? 'GET') === 'GET'
    const tried = new Set<string>()
    for (let looked = false; ; looked = true) {
      const order = inOrder(nodes).filter((url) => !tried.has(url))
      for (const url of order) tried.add(url)
      try {
        return isQuery
          ? await race(order, path, init, options, onNode)
          : await oneByOne(order, path, init, options, onNode)
      } catch (error) {
        const mayGoOn = isQuery || repeatable || !isUncertain(error)
        if (!mayGoOn || looked || !(await nodes.discover())) throw summary(error, tried.size)
      }
    }
  }
}

/** Those that may be tried now, then the others: whoever calls wants an answer, not a back-off. */
function inOrder(nodes: NodeList): string[] {
  const ready = nodes.ready()
  return [...ready, ...nodes.urls.filter((url) => !ready.includes(url))]
}

async function oneByOne(
  order: readonly string[],
  path: string,
  init: RequestInit,
  { nodes, send, repeatable }: FailoverOptions,
  onNode: (url: string) => void,
): Promise<Response> {
  let last: unknown
  for (const url of order) {
    onNode(url)
    try {
      const answer = await send(`${url}${path}`, init)
      nodes.answered(url)
      return answer
    } catch (error) {
      if (init.signal?.aborted) throw error
      nodes.failed(url)
      last = error
      if (!isUncertain(error)) continue
      if (repeatable) continue
      throw new UnreachableError(
        `It is not known whether this was done: ${messageOf(error)} Look before you do it again.`,
        { cause: error },
      )
    }
  }
  throw last
}

function race(
  order: readonly string[],
  path: string,
  init: RequestInit,
  { nodes, send, hedgeMs }: FailoverOptions,
  onNode: (url: string) => void,
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>()
  const running = new Map<string, AbortController>()
  let next = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let refusal: { url: string; answer: Response } | undefined
  let isOver = false
  const end = (): void => {
    isOver = true
    clearTimeout(timer)
    for (const controller of running.values()) controller.abort()
  }
  const win = (url: string, answer: Response): void => {
    end()
    onNode(url)
    resolve(answer)
  }
  const failed = (error: unknown): void => {
    if (isOver) return
    if (next < order.length && !init.signal?.aborted) start()
    else if (running.size === 0 && refusal) win(refusal.url, refusal.answer)
    else if (running.size === 0) {
      end()
      reject(error)
    }
  }
  const start = (): void => {
    clearTimeout(timer)
    const url = order[next]
    if (url === undefined) return
    next += 1
    if (next < order.length) timer = setTimeout(start, hedgeMs)
    const controller = new AbortController()
    running.set(url, controller)
    onNode(url)
    const signal = init.signal ? AbortSignal.any([init.signal, controller.signal]) : controller.signal
    send(`${url}${path}`, { ...init, signal }).then(
      (answer) => {
        running.delete(url)
        if (isOver) return
        if (answer.status === unavailable) {
          refusal = { url, answer }
          failed(null)
          return
        }
        nodes.answered(url)
        win(url, answer)
      },
      (error: unknown) => {
        running.delete(url)
        if (isOver) return
        if (!init.signal?.aborted) nodes.failed(url)
        failed(error)
      },
    )
  }
  start()
  return promise
}

/** Whether the request may have been carried out although no answer came. */
function isUncertain(error: unknown): boolean {
  if (error instanceof UnreachableError) return error.mayHaveArrived
  const cause = error instanceof Error ? error.cause : undefined
  return !(cause instanceof Error && 'code' in cause && neverSent.includes(cause.code))
}

function summary(error: unknown, tried: number): unknown {
  if (tried < 2 || !(error instanceof UnreachableError) || error.cause instanceof UnreachableError)
    return error
  return new UnreachableError(`None of ${tried} nodes answered; the last: ${error.message}`, {
    cause: error.cause,
    mayHaveArrived: error.mayHaveArrived,
  })
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.endsWith('.') ? text : `${text}.`
}
