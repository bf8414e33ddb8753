import { expect, test, vi } from 'vitest'
import { LongWork } from './long-work.ts'

/** A wait of an hour never ends here; one of nothing is always over before work that needs a turn more. */
const patient = { answerMs: 3_600_000, keepMs: 3_600_000 }
const hasty = { answerMs: 0, keepMs: 3_600_000 }

test('what is done in time is answered, and the next one who asks begins anew', async () => {
  const long = new LongWork<number>(patient)
  let begun = 0
  const begin = async () => ++begun
  expect(await long.ask(begin)).toBe(1)
  expect(await long.ask(begin)).toBe(2)
})

test('whoever asks meanwhile waits for the same work', async () => {
  const long = new LongWork<string>(patient)
  const { promise, resolve } = Promise.withResolvers<string>()
  const begin = vi.fn(() => promise)
  const both = [long.ask(begin), long.ask(begin)]
  resolve('done')
  expect(await Promise.all(both)).toEqual(['done', 'done'])
  expect(begin).toHaveBeenCalledTimes(1)
})

test('work that takes longer goes on, and its outcome is there for the next one who asks', async () => {
  const long = new LongWork<string>(hasty)
  const { promise, resolve } = Promise.withResolvers<string>()
  const begin = vi.fn(() => promise)
  expect(await long.ask(begin)).toBeNull()
  expect(await long.ask(begin)).toBeNull()
  resolve('done')
  expect(await long.ask(begin)).toBe('done')
  expect(begin).toHaveBeenCalledTimes(1)
})

test('a failure that nobody waited for is told once', async () => {
  const long = new LongWork<string>(hasty)
  const { promise, reject } = Promise.withResolvers<string>()
  const begin = vi.fn(() => promise)
  expect(await long.ask(begin)).toBeNull()
  reject(new Error('the bundle was changed'))
  await expect(long.ask(begin)).rejects.toThrow('the bundle was changed')
  await expect(long.ask(begin)).rejects.toThrow('the bundle was changed')
  expect(begin).toHaveBeenCalledTimes(2)
})

test('what is forgotten is not answered later', async () => {
  const long = new LongWork<string>(hasty)
  expect(await long.ask(() => new Promise(() => {}))).toBeNull()
  long.forget()
  const begin = vi.fn(() => new Promise<string>(() => {}))
  expect(await long.ask(begin)).toBeNull()
  expect(begin).toHaveBeenCalledTimes(1)
})

test('an outcome that nobody fetches is dropped after a while', async () => {
  const long = new LongWork<string>({ answerMs: 0, keepMs: 0 })
  const { promise, resolve } = Promise.withResolvers<string>()
  expect(await long.ask(() => promise)).toBeNull()
  resolve('old')
  await new Promise((dropped) => setTimeout(dropped, 20))
  const begin = vi.fn(async () => 'new')
  await long.ask(begin)
  expect(begin).toHaveBeenCalledTimes(1)
})
