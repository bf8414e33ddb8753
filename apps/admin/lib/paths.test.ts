import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isOwnPath, paths } from './paths.ts'

const origin = 'https://node.example:7443'

test('a path that counts as our own never leads to another host', () => {
  const tricky = fc.string({
    unit: fc.constantFrom('/', '\\', '.', ':', '@', 'a', '?', '#', '%', '\t', '\n', ' '),
  })
  fc.assert(
    fc.property(tricky, (rest) => {
      const path = `/${rest}`
      fc.pre(isOwnPath(path))
      expect(new URL(path, origin).origin).toBe(origin)
    }),
    { numRuns: 5000 },
  )
})

test.each([
  '//evil.example',
  'https://evil.example',
  '/\\evil.example',
  'javascript:alert(1)',
  '',
  '/\t/evil.example',
])('refuses %j', (path) => expect(isOwnPath(path)).toBe(false))

test('the login carries the page that was asked for, except the start page', () => {
  expect(paths.login({ next: '/settings?tab=account', reason: 'session-ended' })).toBe(
    '/login?next=%2Fsettings%3Ftab%3Daccount&reason=session-ended',
  )
  expect(paths.login({ next: '/' })).toBe('/login')
  expect(paths.people('p_0&x=1')).toBe('/people?id=p_0%26x%3D1')
})
