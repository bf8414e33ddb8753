/** What every machine gets alike must hold nothing that is one machine's, or the builder's, alone. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { built, testFolder } from './built.ts'
import { must } from './programs.ts'
import { findSecrets } from './secrets.ts'

/** In front of the first slot lies the boot loader, unpacked. */
const loaderBytes = 50 * 1024 * 1024
/** Keys that the whole world has, with which GnuTLS tests itself. */
const wellKnown = /^usr\/lib\/\S+\/libgnutls\.so\.[\d.]+ holds a private key$/

let folder: string
let tree: string

beforeAll(async () => {
  folder = testFolder('secrets')
  tree = join(folder, 'tree')
  await must(['unsquashfs', '-quiet', '-no-progress', '-no-xattrs', '-dest', tree, built('.squashfs')])
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the system holds no key, password, token or path of the builder', () => {
  expect(readdirSync(join(tree, 'usr/lib/holdfast')).length).toBeGreaterThan(3)
  expect(findSecrets(tree).filter((line) => !wellKnown.test(line))).toEqual([])
})

test('the boot loader in front of it holds none either', async () => {
  const loader = join(folder, 'loader')
  mkdirSync(loader)
  await using disk = await open(built('.raw'), 'r')
  const { buffer } = await disk.read(Buffer.alloc(loaderBytes), 0, loaderBytes, 0)
  expect(buffer.includes('grub')).toBe(true)
  writeFileSync(join(loader, 'image'), buffer)
  expect(findSecrets(loader)).toEqual([])
})

test('nothing that must differ from machine to machine is in it, and nobody has a password', () => {
  const machineId = join(tree, 'etc/machine-id')
  if (existsSync(machineId)) expect(readFileSync(machineId, 'utf8')).toMatch(/^(uninitialized\n)?$/)
  for (const path of [
    'var/lib/systemd/random-seed',
    'var/lib/dbus/machine-id',
    'etc/ssh/ssh_host_ed25519_key',
  ])
    expect(existsSync(join(tree, path)), path).toBe(false)
  const entries = readFileSync(join(tree, 'etc/shadow'), 'utf8').trim().split('\n')
  expect(entries.filter((line) => !/^[^:]+:[!*]/.test(line))).toEqual([])
})
