import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { defaultTiming } from './bounds.ts'
import { Heartbeat } from './heartbeat.ts'

const { askMs, answerMs, idleMs } = defaultTiming

/** Time that went by while the program stood still, so that no timer came. */
let stalledMs = 0

beforeEach(() => {
  stalledMs = 0
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  const now = performance.now.bind(performance)
  vi.spyOn(performance, 'now').mockImplementation(() => now() + stalledMs)
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** A heartbeat at a node that says nothing by itself. */
function started({ isOwed = true } = {}) {
  const seen = { asked: 0, silent: 0 }
  const heartbeat = new Heartbeat({
    timing: defaultTiming,
    isOwed: () => isOwed,
    bytes: () => 0,
    ask: () => {
      seen.asked += 1
    },
    onOwed: () => {},
    onSilent: () => {
      seen.silent += 1
      heartbeat.stop()
    },
  })
  if (isOwed) heartbeat.sent()
  return { heartbeat, seen }
}

test('a node that owes an answer is asked, and given up when it does not answer', () => {
  const { seen } = started()
  vi.advanceTimersByTime(askMs)
  expect(seen).toEqual({ asked: 1, silent: 0 })
  vi.advanceTimersByTime(answerMs)
  expect(seen).toEqual({ asked: 1, silent: 1 })
})

test('a node that owes nothing is asked when it has been idle', () => {
  const { seen } = started({ isOwed: false })
  vi.advanceTimersByTime(idleMs - 1)
  expect(seen.asked).toBe(0)
  vi.advanceTimersByTime(1)
  expect(seen.asked).toBe(1)
})

test('a program that stands still for an hour reads what came meanwhile before it gives a node up', () => {
  const { heartbeat, seen } = started()
  vi.advanceTimersByTime(askMs)
  stalledMs += 3_600_000
  vi.advanceTimersByTime(answerMs)
  // The answer that waited in the socket.
  heartbeat.heard()
  vi.advanceTimersByTime(askMs - 1)
  expect(seen).toEqual({ asked: 1, silent: 0 })
})

test('a program that stands still again and again gives a dead node up all the same, later by just that time', () => {
  const { seen } = started()
  for (let aliveMs = 0; aliveMs < 2 * (askMs + answerMs) && seen.silent === 0; aliveMs += 400) {
    stalledMs += 300
    vi.advanceTimersByTime(400)
  }
  expect(seen).toEqual({ asked: 1, silent: 1 })
})
