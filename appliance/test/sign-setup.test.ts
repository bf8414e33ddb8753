import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { repoRoot } from './programs.ts'

/** Makes keys, then signs as `npm run appliance:stick` does, under the umask of most machines. */
const program = `
import { makeKeys } from './appliance/image/keys.mjs'
import { main } from './appliance/image/sign-setup.mjs'
process.umask(0o022)
const [keys, setup, out] = process.argv.slice(1)
await makeKeys(keys, 'Test')
process.env.HOLDFAST_KEYS = keys
await main([setup, '--out', out])
`

it('a signed set-up, which holds a password, is its owner’s to read, also in place of an older file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-sign-'))
  try {
    const [keys, setup, out] = ['keys', 'setup.json', 'holdfast-setup.p7s'].map((name) => join(folder, name))
    writeFileSync(setup!, '{"owner":"ingrid"}')
    writeFileSync(out!, 'older', { mode: 0o644 })
    const words = ['--input-type=module', '--eval', program, keys!, setup!, out!]
    execFileSync(process.execPath, words, { cwd: repoRoot, stdio: ['ignore', 'ignore', 'inherit'] })
    expect(statSync(out!).mode & 0o777).toBe(0o600)
    expect(readFileSync(out!, 'latin1')).toContain('{"owner":"ingrid"}')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
