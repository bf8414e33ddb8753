import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLogger } from '../platform/logger.ts'
import { readSecretFile, Secret } from './secrets.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-secrets-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('a secret shows itself nowhere but in reveal()', () => {
  const secret = new Secret('hunter2')
  const lines: string[] = []
  createLogger({
    level: 'info',
    readable: false,
    destination: { write: (l: string) => void lines.push(l) },
  }).info({ secret, deep: { secret } }, `started with ${secret}`)
  for (const shown of [
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ secret }, { depth: 9, showHidden: true }),
    inspect(new Error('x', { cause: secret })),
    ...lines,
  ]) {
    expect(shown).not.toContain('hunter2')
  }
  expect(secret.reveal()).toBe('hunter2')
})

test('one line end is not part of a secret, other space is', async () => {
  const path = join(folder, 'password')
  await writeFile(path, ' pass word \n')
  expect((await readSecretFile(path, 'the password')).reveal()).toBe(' pass word ')
})

test('a file that cannot be used is named together with what it should hold', async () => {
  const missing = join(folder, 'missing')
  await expect(readSecretFile(missing, 'the password')).rejects.toThrow(
    `${missing} should hold the password, but there is no such file.`,
  )
  await writeFile(join(folder, 'empty'), '\n')
  await expect(readSecretFile(join(folder, 'empty'), 'the password')).rejects.toThrow('is empty')
  await writeFile(join(folder, 'large'), 'x'.repeat(65_537))
  await expect(readSecretFile(join(folder, 'large'), 'the password')).rejects.toThrow('larger than')
  await mkdir(join(folder, 'sub'))
  await expect(readSecretFile(join(folder, 'sub'), 'the password')).rejects.toThrow('is no file')
})
