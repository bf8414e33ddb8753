import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Connections } from './connections.ts'

/** The little of a socket that counting needs; remote addresses other than loopback cannot be had in a test. */
class FakeSocket extends EventEmitter {
  destroyed = false
  readonly remoteAddress: string
  constructor(remoteAddress: string) {
    super()
    this.remoteAddress = remoteAddress
  }
  destroy(): void {
    this.destroyed = true
    this.emit('close')
  }
}

function take(connections: Connections, address: string): FakeSocket {
  const socket = new FakeSocket(address)
  connections.take(socket as unknown as Socket)
  return socket
}

test('one address cannot take more than its share; loopback can', () => {
  const connections = new Connections(1000, 2)
  const first = take(connections, '::ffff:10.0.0.1')
  take(connections, '10.0.0.1')
  expect(take(connections, '10.0.0.1').destroyed).toBe(true)
  expect(take(connections, '10.0.0.2').destroyed).toBe(false)
  for (let i = 0; i < 5; i++) expect(take(connections, '127.0.0.1').destroyed).toBe(false)
  expect([connections.size, connections.refused]).toEqual([8, 1])
  first.destroy()
  expect(take(connections, '10.0.0.1').destroyed).toBe(false)
})

test('over all addresses and listeners there are no more than the bound', () => {
  const connections = new Connections(2, 0)
  const first = take(connections, '10.0.0.1')
  expect(take(connections, '127.0.0.1').destroyed).toBe(false)
  expect(take(connections, '10.0.0.2').destroyed).toBe(true)
  expect([connections.size, connections.refused]).toEqual([2, 1])
  first.destroy()
  expect(take(connections, '10.0.0.2').destroyed).toBe(false)
})

test('zero means no share', () => {
  const connections = new Connections(1000, 0)
  for (let i = 0; i < 50; i++) expect(take(connections, '10.0.0.1').destroyed).toBe(false)
})

test('the count is right after any order of coming and going', () => {
  const step = fc.record({ come: fc.boolean(), at: fc.nat(20), address: fc.constantFrom('a', 'b', '::1') })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const connections = new Connections(1000, 3)
      let open: FakeSocket[] = []
      for (const { come, at, address } of steps) {
        if (come) open.push(take(connections, address))
        else open[at % Math.max(open.length, 1)]?.destroy()
        open = open.filter((socket) => !socket.destroyed)
        expect(connections.size).toBe(open.length)
        for (const each of ['a', 'b']) {
          expect(open.filter((socket) => socket.remoteAddress === each).length).toBeLessThanOrEqual(3)
        }
      }
      connections.destroyAll()
      expect(connections.size).toBe(0)
    }),
  )
})
