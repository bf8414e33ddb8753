import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UnreachableError } from '@holdfast/api/client/errors'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { uploadChunkBytes } from '@holdfast/api/contract/update-inputs'
import { expect, test } from 'vitest'
import { uploadBundle } from './update-upload.ts'

/** What a node holds; `faults` says what befalls each request, by its number from 1. */
function node(faults: Record<number, 'not sent' | 'answer lost' | 'always'>) {
  let held = Buffer.alloc(0)
  let requests = 0
  const mutate = async ({ offset, data }: { offset: number; data: string }) => {
    requests += 1
    const fault = faults[requests] ?? faults[0]
    if (fault === 'not sent' || fault === 'always') throw new UnreachableError('It cannot be reached.')
    if (offset === 0) held = Buffer.alloc(0)
    if (offset !== held.length) throw new HoldfastError('conflict', `${held.length} bytes are here.`)
    held = Buffer.concat([held, Buffer.from(data, 'base64')])
    if (fault === 'answer lost') throw new UnreachableError('It does not answer.')
    return { bytes: held.length }
  }
  return { upload: { mutate }, held: () => held, requests: () => requests }
}

async function send(to: ReturnType<typeof node>): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-upload-'))
  try {
    const file = join(folder, 'bundle')
    const whole = Buffer.alloc(3 * uploadChunkBytes + 17, 'holdfast')
    writeFileSync(file, whole)
    await uploadBundle(to, file, 1)
    return whole
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('regression: an upload goes on after parts, or answers, that were lost', async () => {
  for (const number of [1, 2, 3, 4])
    for (const fault of ['not sent', 'answer lost'] as const) {
      const to = node({ [number]: fault })
      const whole = await send(to)
      expect(to.held().equals(whole)).toBe(true)
      expect(to.requests()).toBe(5)
    }
})

test('a node that stays away ends it, after so many tries', async () => {
  const to = node({ 0: 'always' })
  await expect(send(to)).rejects.toThrow('It cannot be reached.')
  expect(to.requests()).toBe(30)
})

test('what the node refuses at once is not sent again', async () => {
  const to = node({})
  to.upload.mutate = async () => {
    throw new HoldfastError('conflict', 'Another bundle is here.')
  }
  await expect(send(to)).rejects.toMatchObject({ code: 'conflict' })
})

test('what is no file is refused before anything is sent', async () => {
  const to = node({})
  await expect(uploadBundle(to, tmpdir())).rejects.toThrow('is a folder: give the file of the bundle')
  expect(to.requests()).toBe(0)
})
