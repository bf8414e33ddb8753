// `npm run appliance:deb [-- --out DIR]`: the Debian package of the product, for Debian 12 and 13, from built artefacts.
// No root and no chroot: dpkg-deb writes the owners. The same commit and tools give the same bytes.
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { prepare, root } from '../../scripts/lib/prepare.mjs'
import { seconds, step } from '../../scripts/lib/run.mjs'
import { releaseKeys } from '../image/keys.mjs'
import { productVersion, sha256, sourceDate, tool } from '../image/lib.mjs'
import { etcdProgram } from '../lib/etcd.mjs'
import { licences } from '../lib/licences.mjs'
import { markRelease } from '../lib/release.mjs'
import { settle, stage } from '../lib/stage.mjs'

const here = join(root, 'appliance/deb')
const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch]
/** Half a minute more of processor would save one percent. */
const zstdLevel = 10
/** Folders of docs/ that a machine without the internet keeps with it. */
const handbook = ['concepts', 'operating', 'reference', 'internals']
const conffiles = ['/etc/default/holdfast']

/**
 * Builds the package.
 * @param {object} options
 * @param {string} options.out folder of the result
 * @param {string} options.work folder for the tree, emptied first
 * @returns {Promise<string>} path of the package
 */
export async function buildDeb({ out, work, version = productVersion() }) {
  const epochSeconds = sourceDate()
  const tree = join(work, 'deb')
  await stage({ to: tree, epochSeconds, etcd: etcdProgram() })
  cpSync(join(here, 'files'), tree, { recursive: true })
  manuals(tree, epochSeconds)
  documents(tree, version, epochSeconds)
  markRelease({ tree, kind: 'package', version, epochSeconds, keys: await releaseKeys() })
  settle(tree, epochSeconds)
  control(tree, version)
  mkdirSync(out, { recursive: true })
  const file = join(out, `holdfast_${version}_${architecture}.deb`)
  rmSync(file, { force: true })
  await tool('dpkg-deb', ['--root-owner-group', '-Zzstd', `-z${zstdLevel}`, '--build', tree, file], {
    env: { SOURCE_DATE_EPOCH: String(epochSeconds) },
  })
  return file
}

/** Manual pages are compressed, as Debian's policy asks, and carry the day of the sources. */
function manuals(tree, epochSeconds) {
  const day = new Date(epochSeconds * 1000).toISOString().slice(0, 10)
  const folder = join(tree, 'usr/share/man/man8')
  const service = readFileSync(join(folder, 'holdfast.service.8'), 'utf8').replace('@DAY@', day)
  rmSync(join(folder, 'holdfast.service.8'))
  write(join(folder, 'holdfast.service.8.gz'), gzip(service))
  write(join(folder, 'holdfast-443.socket.8.gz'), gzip('.so man8/holdfast.service.8\n'))
  write(join(tree, 'usr/share/man/man1/holdfast.1.gz'), gzip(commandManual(day)))
}

/** The command's own reference is one file of the documentation; the page says what there is. */
function commandManual(day) {
  const reference = readFileSync(join(root, 'docs/reference/command-line.md'), 'utf8')
  const commands = [...reference.matchAll(/^## holdfast ([a-z-]+)\n\n(.+)$/gm)].map(
    ([, name, summary]) => `.It Cm ${name}\n${summary}\n`,
  )
  return `.Dd ${day}
.Dt HOLDFAST 1
.Os
.Sh NAME
.Nm holdfast
.Nd run and use secure messaging without internet
.Sh SYNOPSIS
.Nm
.Ar command
.Op Ar options
.Sh DESCRIPTION
One command runs a node, signs in to one, and sends and reads messages.
.Bl -tag -width recovery-codes
${commands.join('')}.El
.Pp
Each has
.Fl -help .
All flags are in
.Pa /usr/share/doc/holdfast/reference/command-line.md .
.Sh EXIT STATUS
0 when it was done, 1 when it was refused or failed, 2 when the command line was wrong.
.Sh SEE ALSO
.Xr holdfast.service 8
`
}

/** A page whose links stay among the pages that the package carries; of any other, the words are left. */
function withoutLinksOut(page) {
  const inside = new RegExp(`^(#|https?:|[a-z-]+\\.md|\\.\\./(${handbook.join('|')})/)`)
  return page.replace(/\[([^\]]+)\]\(([^)\s]+)\)/g, (link, words, to) => (inside.test(to) ? link : words))
}

function documents(tree, version, epochSeconds) {
  const folder = join(tree, 'usr/share/doc/holdfast')
  write(join(folder, 'copyright'), licences())
  for (const part of handbook)
    for (const name of readdirSync(join(root, 'docs', part))) {
      const page = readFileSync(join(root, 'docs', part, name), 'utf8')
      write(join(folder, part, name), withoutLinksOut(page))
    }
  const date = new Date(epochSeconds * 1000).toUTCString().replace('GMT', '+0000')
  write(
    join(folder, 'changelog.gz'),
    gzip(
      `holdfast (${version}) stable; urgency=medium\n\n  * Version ${version}.\n\n -- Holdfast <root@localhost>  ${date}\n`,
    ),
  )
}

function control(tree, version) {
  const files = filesBelow(tree).sort()
  const bytes = files.reduce((sum, path) => sum + lstatSync(join(tree, path)).size, 0)
  const fields = [
    'Package: holdfast',
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    'Maintainer: Holdfast <root@localhost>',
    `Installed-Size: ${Math.ceil(bytes / 1024)}`,
    // Those of Debian 12. The service needs systemd; its helpers make the user and the folder.
    'Pre-Depends: init-system-helpers (>= 1.54)',
    'Depends: libc6 (>= 2.36), libstdc++6 (>= 12), libgcc-s1, systemd (>= 252)',
    'Section: net',
    'Priority: optional',
    'Description: secure messaging for places with no internet',
    ' A facility runs its own node, and people, devices and machines on its LAN',
    ' talk through it. Nothing in it asks the outside world for anything.',
    ' The package holds the node, its own Node.js and etcd, and the browser UI.',
  ]
  const folder = join(tree, 'DEBIAN')
  write(join(folder, 'control'), `${fields.join('\n')}\n`)
  write(join(folder, 'conffiles'), `${conffiles.join('\n')}\n`)
  const sums = files
    .filter((path) => lstatSync(join(tree, path)).isFile() && !conffiles.includes(`/${path}`))
    .map(
      (path) =>
        `${createHash('md5')
          .update(readFileSync(join(tree, path)))
          .digest('hex')}  ${path}\n`,
    )
  write(join(folder, 'md5sums'), sums.join(''))
  for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o644)
  for (const name of ['postinst', 'prerm', 'postrm']) {
    cpSync(join(here, 'control', name), join(folder, name))
    chmodSync(join(folder, name), 0o755)
  }
  chmodSync(folder, 0o755)
}

function filesBelow(tree, path = '') {
  return readdirSync(join(tree, path), { withFileTypes: true }).flatMap((entry) => {
    const name = path === '' ? entry.name : `${path}/${entry.name}`
    return entry.isDirectory() ? filesBelow(tree, name) : [name]
  })
}

function write(file, content) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}

/** Without name and time, so that it is the same every time. */
function gzip(text) {
  return gzipSync(text, { level: 9 })
}

export async function main(args) {
  const { values } = parseArgs({
    args,
    options: {
      out: { type: 'string', default: join(root, '.appliance/out') },
      work: { type: 'string', default: join(root, '.appliance/work') },
      version: { type: 'string', default: productVersion() },
    },
  })
  await prepare({ etcd: true })
  const startedAt = performance.now()
  const file = await step('Building the Debian package', () => buildDeb(values))
  const size = (lstatSync(file).size / 1e6).toFixed(1)
  console.log(`${await sha256(file)}  ${file} (${size} MB, ${seconds(performance.now() - startedAt)})`)
  if (!existsSync('/run/systemd/system')) return
  console.log(`Install it with: apt install ${file}`)
}
