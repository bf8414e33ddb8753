// The licences of what others wrote and an installed machine holds, in one text.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pinnedNode, root } from '../../scripts/lib/prepare.mjs'
import { npmPackages } from '../image/sbom.mjs'

const licenceFile = /^(licen[cs]e|copying|notice)(\.|-|$)/i
/** etcd is Debian's, whose own copyright file names its parts. */
const etcdNotice = `etcd (https://etcd.io), Copyright The etcd Authors, Apache License 2.0, as built by Debian.
The text of the licence: /usr/share/common-licenses/Apache-2.0 of every Debian, and
https://www.apache.org/licenses/LICENSE-2.0\n`

/** @returns the text, the same for the same packages */
export function licences() {
  const parts = [
    section('Node.js', licenceTexts(dirname(dirname(pinnedNode)))),
    section('etcd', [etcdNotice]),
  ]
  for (const { name, version } of npmPackages()) {
    const folder = join(root, 'node_modules', name)
    // Packages for other kinds of machine, and types, are not in the product.
    if (!existsSync(folder) || name.startsWith('@types/')) continue
    const texts = licenceTexts(folder)
    const { license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const by = typeof author === 'string' ? author : author?.name
    parts.push(section(`${name} ${version}`, texts.length > 0 ? texts : [plainNotice(license, by)]))
  }
  return `Holdfast holds the following works of others, under their licences.\n\n${parts.join('\n')}`
}

function plainNotice(license, by) {
  return `Licence: ${typeof license === 'string' ? license : 'as its package says'}${by ? `; by ${by}` : ''}\n`
}

function section(title, texts) {
  return `${'='.repeat(100)}\n${title}\n${'='.repeat(100)}\n${texts.join('\n')}`
}

function licenceTexts(folder) {
  return readdirSync(folder)
    .filter((name) => licenceFile.test(name) && !name.endsWith('.js'))
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8').trim().concat('\n'))
}
