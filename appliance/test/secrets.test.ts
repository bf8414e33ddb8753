import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { repoRoot } from './programs.ts'
import { findSecrets } from './secrets.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-secrets-'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

function file(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

const base64 = 'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEH'
const label = 'PRIVATE KEY'

it.each([
  ['a private key', `x -----BEGIN ${label}-----\n${base64}\n`],
  ['a private key', `"-----BEGIN EC ${label}-----\\n${base64}"`],
  ['a hash of a password', `$argon2id$v=19$m=19456,t=2,p=1$${base64}$${base64}`],
  ['a token of a registry', `//r/:_authToken=${base64}`],
  ['a key of a cloud', `AKIA${'A'.repeat(16)}`],
])('%s is found', (what, text) => {
  file('deep/in/a.bin', `\0\xff${text}`)
  expect(findSecrets(folder)).toEqual([`deep/in/a.bin holds ${what}`])
})

it('files of a node or a builder, the folder of the build and its secret variables are found', () => {
  vi.stubEnv('SOME_TOKEN', 'abcdefgh12345678')
  file('data/node.db', '')
  file('a', `at ${repoRoot}/apps/x.ts`)
  file('b', 'xx abcdefgh12345678 xx')
  expect(findSecrets(folder).sort()).toEqual([
    'a names the folder it was built in',
    'b holds the value of SOME_TOKEN',
    'data/node.db is a file of a node or of a builder',
  ])
})

it('what only looks like it is left alone', () => {
  file('node', `-----BEGIN ${label}-----\0-----END ${label}-----`)
  file('app.mjs', "const form = /\\$argon2id\\$v=19/; const words = '_authToken = $TOKEN'")
  symlinkSync('/etc/shadow', join(folder, 'link'))
  expect(findSecrets(folder)).toEqual([])
})
