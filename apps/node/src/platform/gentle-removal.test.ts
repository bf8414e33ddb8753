import {
  existsSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { removeGently } from './gentle-removal.ts'

const mebibyte = 1024 * 1024
let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-removal-'))
  file = join(folder, 'large')
  writeFileSync(file, 'a copy')
  truncateSync(file, 100 * mebibyte)
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a large file shrinks piece by piece, and is gone in the end', async () => {
  const sizes = new Set<number>()
  const watching = setInterval(() => existsSync(file) && sizes.add(statSync(file).size), 1)
  await removeGently(file)
  clearInterval(watching)
  expect(existsSync(file)).toBe(false)
  expect(sizes.size).toBeGreaterThan(3)
})

test('whoever is in a hurry gets what is left removed at once', async () => {
  const hurry = new AbortController()
  const removal = removeGently(file, hurry.signal)
  hurry.abort()
  await removal
  expect(existsSync(file)).toBe(false)
})

test('a file that is not there is no error, and a small one just goes', async () => {
  await removeGently(join(folder, 'missing'))
  const small = join(folder, 'small')
  writeFileSync(small, 'x')
  expect(readFileSync(small, 'utf8')).toBe('x')
  await removeGently(small)
  expect(existsSync(small)).toBe(false)
})

test.each([
  ['a second name', linkSync],
  ['a link to it', symlinkSync],
])('a file that has %s keeps its content under the other name', async (_, link) => {
  const other = join(folder, 'other')
  link(file, other)
  await removeGently(other)
  expect(existsSync(other)).toBe(false)
  expect(statSync(file).size).toBe(100 * mebibyte)
})
