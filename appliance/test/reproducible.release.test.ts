/** Two builds of one commit, in two folders, one after the other: the same bytes. */
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root, testFolder } from './built.ts'

test('image, disk, qcow2, OVA, installer and list of contents are the same in two builds', () => {
  const folder = testFolder('reproducible')
  const build = (name: string) => {
    const at = (each: string) => join(folder, name, each)
    const args = ['image', '--out', at('out'), '--work', at('work'), '--clean']
    execFileSync(process.execPath, [join(root, 'scripts/appliance.mjs'), ...args], {
      cwd: root,
      stdio: 'inherit',
    })
    const sums = readFileSync(at('out/SHA256SUMS'), 'utf8')
    rmSync(join(folder, name), { recursive: true })
    return sums
  }
  expect(build('second')).toBe(build('first'))
  rmSync(folder, { recursive: true, force: true })
})
