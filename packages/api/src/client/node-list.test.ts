import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { NodeList } from './node-list.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const [a, b] = ['https://a:1', 'https://b:1'] as const

/** The node refuses as often as it is asked, for so long. */
function refuses(nodes: NodeList, url: string, forMs: number): number {
  const until = performance.now() + forMs
  let asked = 0
  while (performance.now() < until) {
    nodes.refused(url)
    asked += 1
    vi.advanceTimersByTime(Math.ceil(nodes.writableInMs(a)) + 1)
  }
  return asked
}

test('a node without quorum is asked less and less often', () => {
  const nodes = new NodeList([a, b])
  const first = refuses(nodes, b, 10_000)
  expect(refuses(nodes, b, 10_000)).toBeLessThan(first)
})

test('after any node has stored something, each one is asked as soon as at first when the quorum is lost again', () => {
  const nodes = new NodeList([a, b])
  refuses(nodes, b, 60_000)
  nodes.writable(a)
  nodes.refused(b)
  expect(nodes.writableInMs(a)).toBeLessThanOrEqual(1000)
})
