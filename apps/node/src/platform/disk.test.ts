import { expect, test } from 'vitest'
import { type DiskLevel, diskLevel, diskSpace } from './disk.ts'

const mib = 1024 ** 2
const gib = 1024 ** 3

test.each<[string, number, number, DiskLevel, DiskLevel]>([
  ['plenty', 50 * gib, 100 * gib, 'ok', 'ok'],
  ['under 2 GiB of a large disk', 1.9 * gib, 100 * gib, 'ok', 'low'],
  ['under 64 MiB', 63 * mib, 100 * gib, 'low', 'full'],
  ['still full until twice that is free', 127 * mib, 100 * gib, 'full', 'full'],
  ['room again', 129 * mib, 100 * gib, 'full', 'low'],
  ['not full yet at the same space', 127 * mib, 100 * gib, 'low', 'low'],
  ['a small volume has small bounds', 20 * mib, 100 * mib, 'ok', 'ok'],
  ['a small volume is full at 2 %', 1.9 * mib, 100 * mib, 'ok', 'full'],
])('%s', (_, freeBytes, totalBytes, before, after) => {
  expect(diskLevel({ freeBytes, totalBytes }, before)).toBe(after)
})

test('space of a real folder', async () => {
  const space = await diskSpace('.')
  expect(space.totalBytes).toBeGreaterThan(0)
  expect(space.freeBytes).toBeLessThanOrEqual(space.totalBytes)
  await expect(diskSpace('./no/such/folder')).rejects.toThrow('ENOENT')
})
