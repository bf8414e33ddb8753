import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { atomicWriteFile, ensureDir } from './files.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-files-'))
})
afterEach(() => rm(folder, { recursive: true }))

const modeOf = async (path: string) => (await stat(path)).mode & 0o777

test('a file is replaced whole, private to its owner, and nothing is left beside it', async () => {
  const path = join(folder, 'key.pem')
  await writeFile(path, 'old', { mode: 0o644 })
  await atomicWriteFile(path, 'new')
  expect(await readFile(path, 'utf8')).toBe('new')
  expect(await modeOf(path)).toBe(0o600)
  expect(await readdir(folder)).toEqual(['key.pem'])
})

test('the mode asked for is the mode the file has', async () => {
  await atomicWriteFile(join(folder, 'ca.pem'), 'x', 0o664)
  expect(await modeOf(join(folder, 'ca.pem'))).toBe(0o664)
})

test('a write that fails leaves neither a half file nor a temporary one', async () => {
  await ensureDir(join(folder, 'taken', 'inside'))
  await expect(atomicWriteFile(join(folder, 'taken'), 'x')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/)
  expect(await readdir(folder)).toEqual(['taken'])
})

test('new folders are private, one that exists keeps its mode', async () => {
  await ensureDir(join(folder, 'a', 'b'))
  expect(await modeOf(join(folder, 'a'))).toBe(0o700)
  expect(await modeOf(join(folder, 'a', 'b'))).toBe(0o700)
  await ensureDir(join(folder, 'a'), 0o755)
  expect(await modeOf(join(folder, 'a'))).toBe(0o700)
})
