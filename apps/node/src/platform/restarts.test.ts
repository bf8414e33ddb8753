import { expect, test } from 'vitest'
import { Restarts } from './restarts.ts'

/** Steps that wait to be let on. */
function stepwise() {
  const done: string[] = []
  let next: () => void = () => {}
  const step = (what: string) =>
    new Promise<void>((resolve) => {
      next = () => {
        done.push(what)
        resolve()
      }
    })
  const restarts = new Restarts({ stop: (reason) => step(`stop: ${reason}`), start: () => step('start') })
  const advance = async () => {
    next()
    next = () => {}
    for (let turns = 0; turns < 10; turns += 1) await Promise.resolve()
  }
  return { restarts, done, advance }
}

test('regression: what asks while the new one starts is not lost; what asks before is served by that start', async () => {
  const { restarts, done, advance } = stepwise()
  restarts.ask('it joins')
  restarts.ask('it joins, again')
  await advance()
  restarts.ask('the state is here')
  restarts.ask('another state is here')
  await advance()
  await advance()
  await advance()
  await advance()
  expect(done).toEqual(['stop: it joins', 'start', 'stop: another state is here', 'start'])
  restarts.ask('later')
  await advance()
  await advance()
  expect(done.slice(4)).toEqual(['stop: later', 'start'])
})

test('once it has ended nothing is started any more', async () => {
  const { restarts, done, advance } = stepwise()
  restarts.ask('it joins')
  const ended = restarts.end()
  await advance()
  await ended
  restarts.ask('later')
  await advance()
  expect(done).toEqual(['stop: it joins'])
})
