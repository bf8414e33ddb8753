import { expect, test } from 'vitest'
import { withoutRoom } from './run.ts'

test('a full disk is named with what to do, whoever finds it full', () => {
  const full = Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })
  expect(withoutRoom(full)).toBe('The disk is full: free some of it, and run the command again.')
  const written = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', path: '/data/x' })
  expect(withoutRoom(written)).toContain('The disk is full (/data/x)')
  expect(withoutRoom(new Error('other'))).toBeNull()
  expect(withoutRoom(undefined)).toBeNull()
})
