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

test('regression: what asks just as the new one has started is not lost, in whichever turn', async () => {
  for (let turns = 0; turns < 8; turns += 1) {
    const asked: string[] = []
    let start = Promise.withResolvers<void>()
    const restarts = new Restarts({
      stop: async (reason) => void asked.push(reason),
      start: () => start.promise,
    })
    restarts.ask('first')
    for (let i = 0; i < 8; i += 1) await Promise.resolve()
    start.resolve()
    for (let i = 0; i < turns; i += 1) await Promise.resolve()
    start = Promise.withResolvers()
    restarts.ask('just then')
    for (let i = 0; i < 8; i += 1) await Promise.resolve()
    expect(asked, `${turns} turns later`).toEqual(['first', 'just then'])
  }
})
