import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { must, needs, repoRoot, run } from '../test/programs.ts'

/** Highest exposure that the service may have; 10 is no protection at all. */
const maxExposure = 1.5
const service = join(repoRoot, 'appliance/systemd/systemd/system/holdfast.service')
const packaged = join(import.meta.dirname, 'files/usr/lib/systemd/system')

let root: string
beforeEach(() => {
  needs('systemd-analyze', 'systemd')
  root = mkdtempSync(join(tmpdir(), 'holdfast-units-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

async function exposure(unit: string): Promise<number> {
  const said = await must(['systemd-analyze', 'security', '--offline=true', '--no-pager', unit])
  return Number(/Overall exposure level for \S+: ([\d.]+)/.exec(said)?.[1])
}

it('the service is closed as far as Node and etcd allow', async () => {
  expect(await exposure(service)).toBeLessThanOrEqual(maxExposure)
})

it('the measure knows an open service', async () => {
  const open = join(root, 'open.service')
  writeFileSync(open, '[Service]\nExecStart=/bin/true\n')
  expect(await exposure(open)).toBeGreaterThan(9)
})

it('systemd understands every line of the units', async () => {
  const units = join(root, 'units')
  mkdirSync(units)
  const files = [service, ...readdirSync(packaged).map((name) => join(packaged, name))]
  for (const file of files) {
    // Manual pages and programs come with the package.
    const text = readFileSync(file, 'utf8')
      .replace(/^Documentation=.*\n/m, '')
      .replace(/^(Exec\w+)=.*$/gm, '$1=/bin/true')
    writeFileSync(join(units, basename(file)), text)
  }
  const copies = files.map((file) => join(units, basename(file)))
  const { code, stdout, stderr } = await run([
    'systemd-analyze',
    'verify',
    '--recursive-errors=no',
    ...copies,
  ])
  expect(files).toHaveLength(5)
  expect(stdout + stderr).toBe('')
  expect(code).toBe(0)
})

it('whoever asks for an update may have its bundle anywhere, in /tmp and in a home too', () => {
  const unit = readFileSync(join(packaged, 'holdfast-update.service'), 'utf8')
  expect(unit).toMatch(/^ExecStart=/m)
  expect(unit).not.toMatch(/^PrivateTmp=(?!no$)/m)
  expect(unit).not.toMatch(/^ProtectHome=(?!no$|read-only$)/m)
})
