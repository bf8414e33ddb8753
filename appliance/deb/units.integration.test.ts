import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { must, needs, repoRoot, run } from '../test/programs.ts'

/** Highest exposure that the service may have; 10 is no protection at all. */
const maxExposure = 1.5
const service = join(repoRoot, 'appliance/systemd/systemd/system/holdfast.service')
const socket = join(import.meta.dirname, 'files/usr/lib/systemd/system/holdfast-443.socket')

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
  for (const file of [service, socket]) copyFileSync(file, join(units, file.split('/').at(-1) ?? ''))
  const text = readFileSync(service, 'utf8').replace(/^ExecStart=.*$/m, 'ExecStart=/bin/true')
  // Manual pages and the program come with the package.
  writeFileSync(join(units, 'holdfast.service'), text.replace(/^Documentation=.*\n/m, ''))
  const plain = readFileSync(socket, 'utf8').replace(/^Documentation=.*\n/m, '')
  writeFileSync(join(units, 'holdfast-443.socket'), plain)
  const { code, stdout, stderr } = await run([
    'systemd-analyze',
    'verify',
    '--recursive-errors=no',
    join(units, 'holdfast.service'),
    join(units, 'holdfast-443.socket'),
  ])
  expect(stdout + stderr).toBe('')
  expect(code).toBe(0)
})
