import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { type AppliancePaths, appliancePaths } from './paths.ts'
import { isBeingInstalled, requestFile, requestUpdate, serveRequest, uploadedFile } from './update-request.ts'
import type { Updater } from './updater.ts'

let paths: AppliancePaths
/** What stands in the journal instead. */
let refused: { reason: string; by: string }[]
let installed: { text: string; mode: number; by: string }[]
/** Stands for all that root does with the copy. */
const updater = {
  install: async (file: string, by: string) => {
    expect(isBeingInstalled(paths)).toBe(true)
    installed.push({ text: readFileSync(file, 'utf8'), mode: statSync(file).mode & 0o777, by })
  },
  refuse: async (error: Error, by: string) => {
    refused.push({ reason: error.message, by })
    throw error
  },
} as unknown as Updater

beforeEach(async () => {
  const home = await mkdtemp(join(tmpdir(), 'holdfast-request-'))
  paths = appliancePaths(home)
  installed = []
  refused = []
  mkdirSync(paths.uploads, { recursive: true })
  return async () => await rm(home, { recursive: true, force: true })
})

test('root installs a copy that nobody else reads, and leaves nothing behind', async () => {
  const text = 'a bundle'.repeat(700_000)
  writeFileSync(join(paths.uploads, uploadedFile), text)
  await requestUpdate(paths, { by: 'ingrid', again: false, allowPause: false })
  await serveRequest(paths, updater)
  expect(installed).toEqual([{ text, mode: 0o600, by: 'ingrid' }])
  for (const file of [join(paths.uploads, uploadedFile), join(paths.update, 'incoming.raucb')])
    expect(existsSync(file)).toBe(false)
})

test('regression: a link in the place of the upload does not make root read what it leads to', async () => {
  writeFileSync(join(paths.node, 'of-root'), 'a secret of root')
  symlinkSync(join(paths.node, 'of-root'), join(paths.uploads, uploadedFile))
  await requestUpdate(paths, { by: 'ingrid', again: false, allowPause: false })
  await expect(serveRequest(paths, updater)).rejects.toThrow('no bundle was uploaded')
  expect(installed).toEqual([])
  expect(existsSync(join(paths.node, 'of-root'))).toBe(true)
})

test('regression: a link in the place of the request is not read, and a pipe in that of the upload is not waited for', async () => {
  writeFileSync(join(paths.node, 'of-root'), 'a secret of root')
  symlinkSync(join(paths.node, 'of-root'), join(paths.uploads, requestFile))
  await expect(serveRequest(paths, updater)).rejects.toThrow('ELOOP')
  execFileSync('mkfifo', [join(paths.uploads, uploadedFile)])
  await requestUpdate(paths, { by: 'ingrid', again: false, allowPause: false })
  await expect(serveRequest(paths, updater)).rejects.toThrow('no bundle was uploaded')
  expect(installed).toEqual([])
})

test('a request without an upload is gone after it was refused', async () => {
  await requestUpdate(paths, { by: 'ingrid', again: false, allowPause: false })
  await expect(serveRequest(paths, updater)).rejects.toThrow('no bundle was uploaded')
  expect(existsSync(join(paths.uploads, 'request.json'))).toBe(false)
  expect(refused).toEqual([{ reason: expect.stringContaining('no bundle was uploaded'), by: 'ingrid' }])
  expect(isBeingInstalled(paths)).toBe(false)
})
