import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { domainToASCII } from 'node:url'
import { expect, test } from 'vitest'
import { openDataFolder, safeHostname } from './data-folder.ts'
import { systemClock } from './platform/clock.ts'
import { createInterconnect, interconnectPaths } from './trust/interconnect.ts'

const years = 365 * 24 * 3_600_000

test.each([
  ['kaldvik-1.example.lan', 'kaldvik-1'],
  ['Kaldvik 1', 'kaldvik-1'],
  ['-', 'node'],
  ['3f9c02ab11de', '3f9c02ab11de'],
])('a machine called %s is %s in its certificate', (machine, name) => {
  expect(safeHostname(machine)).toBe(name)
})

test.each(['847261930412', '10.0.0.1', '0x10'])(
  'regression: a machine called %s, which reads as an address, has a name that a certificate takes',
  (machine) => {
    const name = safeHostname(machine)
    expect(name).toMatch(/^node-/)
    expect(domainToASCII(name)).toBe(name)
  },
)

test('a renewed certificate is told of even when the one between the nodes could not be renewed beside it', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-folder-'))
  const folder = await openDataFolder({
    dataDir,
    facility: '',
    nodeName: 'alpha',
    publicNames: [],
    clock: systemClock,
  })
  try {
    const now = systemClock.now()
    const request = { facility: '', nodeName: folder.identity.nodeId, ...folder.names(), nowMs: now }
    folder.interconnect = await createInterconnect(dataDir, request)
    expect(await folder.renewTrust(now)).toBe(false)

    const { authority } = interconnectPaths(dataDir)
    renameSync(authority, `${authority}.away`)
    const before = folder.trust.node.certificate
    await expect(folder.renewTrust(now + 2 * years)).rejects.toThrow(authority)
    expect(folder.trust.node.certificate).not.toBe(before)
    renameSync(`${authority}.away`, authority)
    // Not due, so that only the first one can be told of.
    folder.interconnect = await createInterconnect(dataDir, { ...request, nowMs: now + 2 * years })

    expect(await folder.renewTrust(now + 2 * years)).toBe(true)
    expect(await folder.renewTrust(now + 2 * years)).toBe(false)
  } finally {
    folder.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
})
