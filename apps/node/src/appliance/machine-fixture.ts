/** The files of a machine that updates look at, in a folder that stands for it. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type AppliancePaths, appliancePaths } from './paths.ts'
import type { Slot } from './release.ts'

/** What runs: a slot of the appliance, or a Debian package. */
export type Installed = { kind: 'appliance'; slot: Slot } | { kind: 'package' }

/**
 * A machine that runs 0.1.0 and trusts a vendor.
 * @param root folder that stands for /
 * @param vendor file with the vendor's root certificate
 */
export function furnishMachine(root: string, installed: Installed, vendor: string): AppliancePaths {
  const paths = appliancePaths(root)
  for (const file of [paths.commandLine, paths.release, paths.releaseRoot])
    mkdirSync(dirname(file), { recursive: true })
  for (const folder of [paths.node, paths.data]) mkdirSync(folder, { recursive: true })
  copyFileSync(vendor, paths.releaseRoot)
  setInstalled(paths, installed, '0.1.0')
  // What is installed decides about some of them.
  return appliancePaths(root)
}

export function setInstalled(paths: AppliancePaths, installed: Installed, version: string): void {
  const slot = installed.kind === 'appliance' ? ` rauc.slot=${installed.slot}` : ''
  writeFileSync(paths.commandLine, `ro${slot} quiet\n`)
  writeFileSync(paths.release, JSON.stringify({ version, date: '2026', kind: installed.kind }))
}
