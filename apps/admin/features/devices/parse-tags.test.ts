import { expect, test } from 'vitest'
import { parseTags } from './parse-tags.ts'

test('tags are separated by commas, trimmed, and each there once', () => {
  expect(parseTags(' patrol, north gate ,,patrol')).toEqual(['patrol', 'north gate'])
  expect(parseTags(' , ')).toEqual([])
})
