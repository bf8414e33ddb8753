// Makes a bundle of another version for tests, from the root file system that the last image build left:
// node appliance/test/make-release.mjs VERSION FOLDER [--broken] [--vendor FOLDER] [--image-only]
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../../scripts/lib/prepare.mjs'
import { makeKeys, releaseKeys } from '../image/keys.mjs'
import { sourceDate, tool } from '../image/lib.mjs'
import { makeSquashfs, releaseJson } from '../image/rootfs.mjs'
import { makeBundle } from '../update/bundle.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { broken: { type: 'boolean' }, vendor: { type: 'string' }, 'min-version': { type: 'string' } },
})
const [version, folder] = positionals
const rootfs = join(root, '.appliance/work/rootfs')
if (!existsSync(rootfs)) throw new Error(`${rootfs} is missing: run npm run appliance:image`)
const tree = join(folder, `rootfs-${version}`)
const date = sourceDate()
mkdirSync(folder, { recursive: true })
rmSync(tree, { recursive: true, force: true })
// Hard links: only what changes is written.
await tool('cp', ['-al', rootfs, tree])
replace('usr/lib/holdfast/release.json', releaseJson({ version, date }))
if (values.broken)
  replace(
    'usr/lib/systemd/system/holdfast.service.d/broken.conf',
    '[Service]\nType=simple\nExecStart=\nExecStart=/usr/bin/sleep infinity\n',
  )
const image = join(folder, `${version}.squashfs`)
await makeSquashfs({ from: tree, to: image, date, fast: true })
rmSync(tree, { recursive: true, force: true })
let keys = await releaseKeys()
if (values.vendor) {
  keys = values.vendor
  if (!existsSync(keys)) await makeKeys(keys, 'Somebody else')
}
await makeBundle({
  image,
  others: [],
  notes: `# ${version}\n\nMade by a test.\n`,
  version,
  minVersion: values['min-version'] ?? '0.1.0',
  keys,
  to: join(folder, `holdfast-${version}.raucb`),
  work: join(folder, 'contents'),
  date,
})
rmSync(join(folder, 'contents'), { recursive: true, force: true })
rmSync(image)

function replace(path, text) {
  const file = join(tree, path)
  rmSync(file, { force: true })
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, text)
}
