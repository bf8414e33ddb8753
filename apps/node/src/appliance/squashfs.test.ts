/** What mksquashfs packed comes out again. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Squashfs, SquashfsError } from './squashfs.ts'

const blockBytes = 128 * 1024
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-squashfs-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function pack(files: Record<string, Buffer>, flags: readonly string[]): string {
  const [tree, to] = [join(folder, 'tree'), join(folder, 'packed')]
  rmSync(tree, { recursive: true, force: true })
  mkdirSync(join(tree, 'a-folder'), { recursive: true })
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(tree, name), bytes)
  execFileSync('mksquashfs', [tree, to, '-noappend', '-quiet', '-no-progress', ...flags], { stdio: 'ignore' })
  return to
}

const incompressible = (bytes: number) => {
  const parts = Array.from({ length: Math.ceil(bytes / 32) }, (_, n) =>
    createHash('sha256').update(`${bytes} ${n}`).digest(),
  )
  return Buffer.concat(parts).subarray(0, bytes)
}

test('files of every size come out as they went in, however they are packed', async () => {
  const size = fc.oneof(
    fc.constantFrom(0, 1, blockBytes - 1, blockBytes, blockBytes + 1, 3 * blockBytes),
    fc.nat(5 * blockBytes),
  )
  const file = fc
    .tuple(size, fc.constantFrom('zeros', 'text', 'noise'))
    .map(([bytes, kind]) =>
      kind === 'noise' ? incompressible(bytes) : Buffer.alloc(bytes, kind === 'zeros' ? 0 : 'aurelia '),
    )
  // Bundles are packed with the first of these flags.
  const flags = fc.constantFrom(
    ['-noD', '-noF', '-noX'],
    [],
    ['-no-fragments'],
    ['-always-use-fragments'],
    ['-noI'],
  )
  await fc.assert(
    fc.asyncProperty(fc.array(file, { minLength: 1, maxLength: 6 }), flags, async (contents, how) => {
      const files = Object.fromEntries(contents.map((bytes, n) => [`file-${n}.bin`, bytes]))
      await using handle = await open(pack(files, how), 'r')
      const squashfs = await Squashfs.open(handle)
      expect(squashfs.names.toSorted()).toEqual(Object.keys(files).toSorted())
      for (const [name, bytes] of Object.entries(files)) {
        expect((await squashfs.read(name, bytes.length))?.equals(bytes)).toBe(true)
        const sum = await squashfs.extract(name, join(folder, 'out'))
        expect(sum).toBe(createHash('sha256').update(bytes).digest('hex'))
        expect(readFileSync(join(folder, 'out')).equals(bytes)).toBe(true)
      }
    }),
    { numRuns: 25 },
  )
})

test('a file system of many files, whose tables take many blocks, is read', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 900 }, (_, n) => [`file-with-a-long-name-${n}`, incompressible(n * 40)]),
  )
  await using handle = await open(pack(files, []), 'r')
  const squashfs = await Squashfs.open(handle)
  expect(squashfs.names).toHaveLength(900)
  expect((await squashfs.read('file-with-a-long-name-899', 1e6))?.equals(incompressible(899 * 40))).toBe(true)
})

test('what is over the bound, missing, packed otherwise or damaged is refused', async () => {
  const packed = pack({ 'a.bin': Buffer.alloc(1000, 'x') }, [])
  await using handle = await open(packed, 'r')
  const squashfs = await Squashfs.open(handle)
  await expect(squashfs.read('a.bin', 999)).rejects.toThrow('over 999')
  expect(await squashfs.read('b.bin', 999)).toBe(null)
  await expect(squashfs.extract('b.bin', join(folder, 'out'))).rejects.toThrow(SquashfsError)
  const whole = readFileSync(packed)
  await using zstd = await open(pack({ 'a.bin': Buffer.alloc(1000) }, ['-comp', 'zstd']), 'r')
  await expect(Squashfs.open(zstd)).rejects.toThrow('gzip')
  const file = join(folder, 'damaged')
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
      const changed = Buffer.from(whole)
      changed[at]! ^= mask
      writeFileSync(file, changed)
      await using damaged = await open(file, 'r')
      // The signature covers every byte; here it is enough that nothing but a refusal comes of it.
      const outcome = await Squashfs.open(damaged)
        .then((each) => each.read('a.bin', 2000))
        .catch((error) => error)
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(SquashfsError)
    }),
    // First a place far behind the end of any file: where the inodes begin.
    { numRuns: 150, examples: [[70, 32]] },
  )
})
