// Makes a bundle of another version for tests, from a Debian package and a container image that were built:
// node appliance/test/make-package-release.mjs VERSION FOLDER [--deb FILE] [--oci FILE] [--broken] [--vendor FOLDER] [--min-version V]
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeKeys, releaseKeys } from '../image/keys.mjs'
import { sourceDate, tool } from '../image/lib.mjs'
import { makeBundle } from '../update/bundle.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    deb: { type: 'string' },
    oci: { type: 'string' },
    broken: { type: 'boolean' },
    vendor: { type: 'string' },
    'min-version': { type: 'string' },
  },
})
const [version, folder] = positionals
mkdirSync(folder, { recursive: true })
const others = []
if (values.deb) others.push(await nextDeb(values.deb))
if (values.oci) {
  const to = join(folder, `holdfast_${version}_amd64.oci.tar`)
  copyFileSync(values.oci, to)
  others.push(to)
}
let keys = await releaseKeys()
if (values.vendor) {
  keys = values.vendor
  if (!existsSync(keys)) await makeKeys(keys, 'Somebody else')
}
// Machines with a package look at no image.
const image = join(folder, 'no-image.squashfs')
writeFileSync(image, 'The test needs no image.\n')
await makeBundle({
  image,
  others,
  notes: `# ${version}\n\nMade by a test.\n`,
  version,
  minVersion: values['min-version'] ?? '0.1.0',
  keys,
  to: join(folder, `holdfast-${version}.raucb`),
  work: join(folder, 'contents'),
  date: sourceDate(),
})
for (const path of [...others, image, join(folder, 'contents')])
  rmSync(path, { recursive: true, force: true })

/** The same package under another version; a broken one has a service that never serves. */
async function nextDeb(deb) {
  const tree = join(folder, 'deb-tree')
  rmSync(tree, { recursive: true, force: true })
  await tool('dpkg-deb', ['--raw-extract', deb, tree])
  const control = readFileSync(join(tree, 'DEBIAN/control'), 'utf8')
  writeFileSync(join(tree, 'DEBIAN/control'), control.replace(/^Version: .*$/m, `Version: ${version}`))
  change(tree, 'usr/lib/holdfast/release.json', (text) =>
    JSON.stringify({ ...JSON.parse(text), version }).concat('\n'),
  )
  if (values.broken)
    change(tree, 'usr/lib/systemd/system/holdfast.service', (text) =>
      text.replace(/^ExecStart=.*$/m, 'ExecStart=/usr/bin/false'),
    )
  const architecture = /^Architecture: (.*)$/m.exec(control)[1]
  const to = join(folder, `holdfast_${version}_${architecture}.deb`)
  await tool('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z1', '--build', tree, to])
  rmSync(tree, { recursive: true })
  return to
}

function change(tree, path, edit) {
  const file = join(tree, path)
  writeFileSync(file, edit(readFileSync(file, 'utf8')))
  const sum = createHash('md5').update(readFileSync(file)).digest('hex')
  const sums = join(tree, 'DEBIAN/md5sums')
  const lines = readFileSync(sums, 'utf8').split('\n')
  writeFileSync(sums, lines.map((line) => (line.endsWith(`  ${path}`) ? `${sum}  ${path}` : line)).join('\n'))
}
