import { expect, test } from 'vitest'
import { TestClock } from '../../trust/test-clock.ts'
import { HangingLinks } from './hanging-links.ts'

const electionMs = 1000
const patienceMs = 2 * electionMs
const lookMs = 100

/** An etcd that is looked at ten times a second of a clock that moves only here. */
function watched() {
  const clock = new TestClock()
  const state = { leader: null as string | null, answers: true, reaches: true, first: 0, restarts: 0 }
  const links = new HangingLinks({
    now: () => clock.monotonic(),
    electionMs,
    reachesMajority: async () => (state.reaches ? state.first : null),
    restart: () => {
      state.restarts += 1
    },
  })
  const run = async (ms: number): Promise<number> => {
    const before = state.restarts
    for (let gone = 0; gone < ms; gone += lookMs) {
      links.look(state.answers ? { leader: state.leader } : null)
      await new Promise((resolve) => setImmediate(resolve))
      clock.advance(lookMs)
    }
    return state.restarts - before
  }
  return { state, run }
}

test('an etcd that has no leader, and could reach a majority all the time, is started anew', async () => {
  const { run } = watched()
  expect(await run(patienceMs - lookMs)).toBe(0)
  expect(await run(patienceMs)).toBe(1)
})

test('only one of two begins: the other waits for what comes of it', async () => {
  const { state, run } = watched()
  state.first = 1
  expect(await run(2 * patienceMs - lookMs)).toBe(0)
  expect(await run(patienceMs)).toBe(1)
})

test('an etcd that is led, does not answer or reaches no majority is left alone', async () => {
  for (const change of [{ leader: '1' }, { answers: false }, { reaches: false }]) {
    const { state, run } = watched()
    Object.assign(state, change)
    expect(await run(60_000), JSON.stringify(change)).toBe(0)
  }
})

test('an election is waited for: the time counts from when a majority can be reached', async () => {
  const { state, run } = watched()
  state.reaches = false
  await run(30_000)
  state.reaches = true
  expect(await run(patienceMs - lookMs)).toBe(0)
  state.leader = '1'
  await run(1000)
  state.leader = null
  expect(await run(patienceMs - lookMs)).toBe(0)
})

test('one whose new starts do not help is started anew less and less often, and as soon again after it was well', async () => {
  const { state, run } = watched()
  const counts = []
  for (let i = 0; i < 4; i++) counts.push(await run(60_000))
  expect(counts[0]).toBeGreaterThan(1)
  expect(counts[3]).toBeLessThanOrEqual(1)
  state.leader = '1'
  await run(200_000)
  state.leader = null
  expect(await run(30_000)).toBeGreaterThan(1)
})

test('an answer that comes after a leader did counts for nothing', async () => {
  const clock = new TestClock()
  const answer: PromiseWithResolvers<number>[] = []
  let restarts = 0
  const links = new HangingLinks({
    now: () => clock.monotonic(),
    electionMs,
    reachesMajority: () => {
      const asked = Promise.withResolvers<number>()
      answer.push(asked)
      return asked.promise
    },
    restart: () => {
      restarts += 1
    },
  })
  links.look({ leader: null })
  links.look({ leader: '1' })
  answer[0]?.resolve(0)
  await new Promise((resolve) => setImmediate(resolve))
  clock.advance(10 * patienceMs)
  links.look({ leader: null })
  answer[1]?.resolve(0)
  await new Promise((resolve) => setImmediate(resolve))
  expect(restarts).toBe(0)
})
