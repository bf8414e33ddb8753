import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { repoRoot } from './programs.ts'

/** Makes keys, then signs as `npm run appliance:stick` does, under the umask of most machines. */
const program = `
import { makeKeys } from './appliance/image/keys.mjs'
import { main } from './appliance/image/sign-setup.mjs'
process.umask(0o022)
const [keys, setup, out] = process.argv.slice(1)
if (keys) await makeKeys(keys, 'Test')
process.env.HOLDFAST_KEYS = keys
await main([setup, '--out', out])
`

const good = JSON.stringify({
  ...{ facility: 'Port of Kaldvik', nodeName: 'kaldvik-1', owner: 'ingrid' },
  password: 'a storm over the skerries 7',
})

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-sign-'))
  return () => rmSync(folder, { recursive: true })
})

/** @returns the exit code, and what it said of the failure; without a folder for keys there are none */
function sign(setup: string, out: string, keys = ''): { status: number | null; said: string } {
  const words = ['--input-type=module', '--eval', program, keys, setup, out]
  const { status, stderr } = spawnSync(process.execPath, words, { cwd: repoRoot, encoding: 'utf8' })
  return { status, said: stderr }
}

it('a signed set-up, which holds a password, is its owner’s to read, also in place of an older file', () => {
  const [setup, out] = ['setup.json', 'holdfast-setup.p7s'].map((name) => join(folder, name))
  writeFileSync(setup!, good)
  writeFileSync(out!, 'older', { mode: 0o644 })
  expect(sign(setup!, out!, join(folder, 'keys'))).toMatchObject({ status: 0 })
  expect(statSync(out!).mode & 0o777).toBe(0o600)
  expect(readFileSync(out!, 'latin1')).toContain(good)
})

it('what the machine would refuse is not signed, and an older file stays', () => {
  const [setup, out] = ['setup.json', 'holdfast-setup.p7s'].map((name) => join(folder, name))
  writeFileSync(out!, 'older')
  writeFileSync(setup!, good.replace('owner', 'oner'))
  const { status, said } = sign(setup!, out!)
  expect(status).not.toBe(0)
  expect(said).toMatch(/Nothing was signed\. The set-up in .*setup\.json is wrong at owner/)
  expect(readFileSync(out!, 'utf8')).toBe('older')
})

it('the set-up itself is not written over', () => {
  const setup = join(folder, 'setup.json')
  writeFileSync(setup, good)
  expect(sign(setup, setup).said).toContain('is the set-up itself')
  expect(readFileSync(setup, 'utf8')).toBe(good)
})
