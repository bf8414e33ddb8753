import { expect, test } from 'vitest'
import type { Directory } from '../state/directory.ts'
import { TestClock } from '../trust/test-clock.ts'
import type { FanOut } from './fan-out.ts'
import { TypingRelay } from './typing-relay.ts'

/** Two nodes with one channel, of which only Anna (number 1) is a member. */
function twoNodes() {
  const clock = new TestClock()
  const shown: string[] = []
  let sent = 0
  let hear: (payload: unknown, from: string) => void = () => {}
  const directory = {
    channels: new Map([['c_1', { id: 'c_1', no: 7, members: new Map([[1, 'member']]) }]]),
    people: new Map([
      ['p_anna', { id: 'p_anna', no: 1 }],
      ['p_bert', { id: 'p_bert', no: 2 }],
    ]),
  } as unknown as Directory
  const fanOut = { toChannel: (no: number, text: string) => shown.push(`${no} ${text}`) } as unknown as FanOut
  const peers = {
    send: (_: string, payload: unknown) => {
      sent += 1
      hear(payload, 'n_1')
    },
    on: (_: string, listener: typeof hear) => {
      hear = listener
    },
  }
  const relay = new TypingRelay({ peers, directory, fanOut, clock })
  return { relay, clock, shown, sent: () => sent, hear: (payload: unknown) => hear(payload, 'n_1') }
}

test('typing reaches the subscribers of another node, at most once a second', () => {
  const { relay, clock, shown, sent } = twoNodes()
  for (let i = 0; i < 5; i++) relay.tell('c_1', 'p_anna')
  expect(sent()).toBe(1)
  clock.advance(1000)
  relay.tell('c_1', 'p_anna')
  expect(shown).toEqual(Array(2).fill('7 {"t":"typing","channel":"c_1","person":"p_anna"}'))
})

test('typing of who is no member there, in a channel that is none, or of no sense is not shown', () => {
  const { shown, hear } = twoNodes()
  for (const payload of [
    { channel: 'c_1', person: 'p_bert' },
    { channel: 'c_2', person: 'p_anna' },
    { channel: 'c_1', person: 'p_none' },
    { channel: 'c_1' },
    null,
  ])
    hear(payload)
  expect(shown).toEqual([])
})
