import { afterEach, beforeEach, expect, test, vi } from 'vitest'

const stored = new Map<string, string>()

beforeEach(() => {
  vi.resetModules()
  stored.clear()
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
  })
})
afterEach(() => void vi.unstubAllGlobals())

const two = { name: 'kaldvik-2', url: 'https://10.0.0.2:7443' }

test('the other nodes are known again in a page that finds its node away', async () => {
  const first = await import('./other-nodes.ts')
  const heard = vi.fn()
  first.subscribeOtherNodes(heard)
  first.rememberNodes([two])
  first.rememberNodes([two])
  expect(heard).toHaveBeenCalledTimes(1)
  vi.resetModules()
  const later = await import('./other-nodes.ts')
  expect(later.otherNodes()).toEqual([two])
  expect(later.pageAt(two, { pathname: '/messages', search: '?id=c_1' })).toBe(
    'https://10.0.0.2:7443/messages?id=c_1',
  )
  later.rememberNodes([])
  expect(later.otherNodes()).toEqual([])
})

test('nothing but the address of a node becomes a link', async () => {
  const bad = ['javascript:alert(1)', 'http://10.0.0.2:7443', 'https://10.0.0.2:7443/x', 'x', 7]
  stored.set('holdfast-nodes', JSON.stringify([...bad.map((url) => ({ name: 'x', url })), null, two]))
  const { otherNodes, rememberNodes } = await import('./other-nodes.ts')
  expect(otherNodes()).toEqual([two])
  rememberNodes(Array.from({ length: 40 }, (_, i) => ({ name: 'x', url: `https://n${i}` })))
  expect(otherNodes()).toHaveLength(16)
  stored.set('holdfast-nodes', '{')
  vi.resetModules()
  expect((await import('./other-nodes.ts')).otherNodes()).toEqual([])
})
