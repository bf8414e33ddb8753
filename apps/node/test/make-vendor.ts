/**
 * For the browser's tests, which import nothing of the node: makes a vendor's bundle, and the root of a Debian machine that
 * trusts it and on which nothing installs anything. Prints JSON: `{ "machineRoot": …, "bundle": … }`.
 *
 *   node apps/node/test/make-vendor.ts FOLDER VERSION-OF-THE-MACHINE VERSION-OF-THE-BUNDLE
 */
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { BundleWorkshop } from '../src/appliance/bundle-fixture.ts'
import { furnishMachine, setInstalled } from '../src/appliance/machine-fixture.ts'
import { debianArchitecture } from '../src/appliance/release.ts'

const [folder = '', runs = '', brings = ''] = process.argv.slice(2)
await using workshop = await BundleWorkshop.open()
const machineRoot = join(folder, 'machine')
const installed = { kind: 'package' } as const
setInstalled(furnishMachine(machineRoot, installed, workshop.vendor('vendor')), installed, runs)
const files = {
  [`holdfast_${brings}_${debianArchitecture}.deb`]: brings,
  'release-notes.md': '# What is new',
}
const bundle = join(folder, `holdfast-${brings}.raucb`)
copyFileSync(workshop.bundle(brings, { vendor: 'vendor', version: brings, files }), bundle)
process.stdout.write(JSON.stringify({ machineRoot, bundle }))
