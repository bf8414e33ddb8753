import { expect, test } from 'vitest'
import { actionText } from './action-text.ts'

test('says an action in words', () => {
  expect(actionText('device.approved')).toBe('Device approved')
  expect(actionText('auth.login-failed')).toBe('Sign-in login failed')
  expect(actionText('channel.membersAdded')).toBe('Channel members added')
  expect(actionText('started')).toBe('Started')
  expect(actionText('')).toBe('')
})
