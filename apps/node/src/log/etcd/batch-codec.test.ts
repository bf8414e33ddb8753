import { zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { batchTextBytes, decodeEntry, encodeEntry } from './batch-codec.ts'

const batchOf = (body: string, count: number) =>
  `{"o":"n","n":1,"e":1,"at":1,"c":[${Array.from({ length: count }, () => JSON.stringify(body)).join(',')}]}`

test('what is read is what was written, whatever its length and letters', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 200 }),
      fc.integer({ max: 40, min: 0 }),
      (body, count) => {
        const text = batchOf(body, count)
        expect(decodeEntry(encodeEntry(text))).toBe(text)
      },
    ),
  )
})

test('a long batch is shorter in the log, a short one stands in it as it is', () => {
  const long = batchOf('The generator of ward 4 runs.', 200)
  expect(encodeEntry(long).length).toBeLessThan(long.length / 2)
  expect(encodeEntry(batchOf('short', 1)).toString()).toBe(batchOf('short', 1))
})

test('what cannot be read is no batch, and no error', () => {
  const bytes = encodeEntry(batchOf('The generator of ward 4 runs.', 200))
  const altered = Uint8Array.from(bytes)
  altered[bytes.length >> 1] = (altered[bytes.length >> 1] ?? 0) ^ 255
  for (const broken of [altered, bytes.subarray(0, bytes.length - 1), bytes.subarray(0, 4), new Uint8Array()])
    expect(decodeEntry(broken)).toBe('')
})

test('an entry that would fill the memory is not unpacked', () => {
  expect(decodeEntry(zstdCompressSync(Buffer.alloc(batchTextBytes, 32))).length).toBe(batchTextBytes)
  expect(decodeEntry(zstdCompressSync(Buffer.alloc(batchTextBytes + 1, 32)))).toBe('')
})
