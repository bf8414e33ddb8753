import { expect, test } from 'vitest'
import { actionAreas, actionMeaning, actionText } from './action-text.ts'

test('says an action in words', () => {
  expect(actionText('device.approved')).toBe('Device approved')
  expect(actionText('auth.login-failed')).toBe('Sign-in failed')
  expect(actionMeaning('log.sealed')).toContain('hash')
})

test('spells out an action that it does not know', () => {
  expect(actionText('edge.linkLost')).toBe('Edge link lost')
  expect(actionText('relay.path-tested')).toBe('Relay path tested')
  expect(actionText('')).toBe('')
  expect(actionMeaning('edge.linkLost')).toBeNull()
})

test('every area of the filter is a prefix as the search takes it', () => {
  for (const area of actionAreas) expect(area.prefix).toMatch(/^[a-z]+\.$/)
})
