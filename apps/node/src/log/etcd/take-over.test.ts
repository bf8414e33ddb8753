import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLogger } from '../../platform/logger.ts'
import type { ToWriter } from '../writer-protocol.ts'
import { TakeOver } from './take-over.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('regression: a start that a full disk holds up says so, and goes on once there is room', async () => {
  let room = false
  const lines: string[] = []
  let posts = 0
  const position = { generation: '1-a', revision: 0, versions: {} }
  const post = (message: ToWriter): void => {
    posts += 1
    expect(message).toMatchObject({ t: 'adopt', generation: '1-a' })
    if (room) taking.adopted(position)
    else expect(taking.failed('database or disk is full')).toBe(true)
  }
  const destination = { write: (line: string) => void lines.push(line) }
  const taking = new TakeOver(post, createLogger({ level: 'info', readable: false, destination }))
  const done = taking.run({ t: 'adopt', generation: '1-a', revision: 0, survivor: false })
  await vi.advanceTimersByTimeAsync(40_000)
  expect(posts).toBeGreaterThan(30)
  // Once, and once again half a minute later.
  expect(lines.filter((line) => line.includes('free some space'))).toHaveLength(2)
  room = true
  await vi.advanceTimersByTimeAsync(1000)
  expect(await done).toEqual(position)
  expect(taking.failed('another trouble')).toBe(false)
})
