import type { AppRouter } from '@holdfast/api/router'
import { type Operation, TRPCClientError } from '@trpc/client'
import { observable } from '@trpc/server/observable'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { resubscribeLink } from './resubscribe-link.ts'

type Ending = 'complete' | 'cut' | 'forbidden' | 'stays'

function refusal(code: string) {
  const shape = { message: code, code: -32603, data: { holdfast: code, retryAfterMs: null } }
  return TRPCClientError.from<AppRouter>({ error: shape } as never)
}

/** Subscribes over a line that ends as told, one ending for each attempt. */
function subscribe(endings: Ending[]) {
  const seen: string[] = []
  let attempts = 0
  let isOpen = 0
  const operation = { type: 'subscription', path: 'overview.live' } as unknown as Operation
  const subscription = resubscribeLink()({} as never)({
    op: operation,
    next: () =>
      observable((observer) => {
        const ending = endings[attempts]
        attempts += 1
        isOpen += 1
        if (ending === 'complete') observer.complete()
        if (ending === 'cut') observer.error(refusal('shutting-down'))
        if (ending === 'forbidden') observer.error(refusal('forbidden'))
        return () => {
          isOpen -= 1
        }
      }),
  }).subscribe({ error: (error) => seen.push(error.message), complete: () => seen.push('complete') })
  return { seen, attempts: () => attempts, isOpen: () => isOpen, subscription }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a subscription that ends in good order, or with the node, is started again', async () => {
  const line = subscribe(['complete', 'cut', 'stays'])
  await vi.runAllTimersAsync()
  expect(line.attempts()).toBe(3)
  expect(line.isOpen()).toBe(1)
  expect(line.seen).toEqual([])
})

test('a refusal that asking again does not mend is passed on, once', async () => {
  const line = subscribe(['forbidden', 'stays'])
  await vi.runAllTimersAsync()
  expect(line.attempts()).toBe(1)
  expect(line.seen).toEqual(['forbidden'])
})

test('whoever leaves is not subscribed again', async () => {
  const line = subscribe(['complete', 'stays'])
  line.subscription.unsubscribe()
  await vi.runAllTimersAsync()
  expect(line.attempts()).toBe(1)
})
