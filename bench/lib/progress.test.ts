import { expect, test } from 'vitest'
import { Progress } from './progress.ts'

function written(isTTY: boolean): string {
  let text = ''
  const write = (chunk: unknown) => {
    text += String(chunk)
    return true
  }
  const progress = new Progress({ isTTY, write })
  for (const title of ['first', 'second']) {
    progress.begin(title)
    for (let left = 3; left > 0; left--) progress.detail(`${left} to go`)
    progress.done()
  }
  return text
}

test('a log gets one line a step', () => {
  expect(written(false)).toBe('first … done\nsecond … done\n')
})

test('a terminal gets one line that is written over, and keeps what is done', () => {
  const lines = written(true).split('\n')
  const last = (line = '') => line.split('\r\u001b[K').at(-1)
  expect(lines.map(last)).toEqual(['first … done', 'second … done', ''])
  expect(lines[0]).toContain('first … 2 to go')
})
