// The product as it lies on an installed machine, put together from built artefacts only. Image, .deb and OCI image all
// take this tree, so that they hold the same files.
//
//   usr/bin/holdfast                     the command, a link to app/holdfast.mjs
//   usr/lib/holdfast/node/bin/node       the pinned Node
//   usr/lib/holdfast/app/                the daemon's bundle, its migrations, the packages with native code
//   usr/lib/holdfast/ui/                 the admin UI
//   usr/lib/holdfast/etcd/               etcd, where the caller gives it
//   usr/lib/{systemd/system,sysusers.d,tmpfiles.d}/   where the caller wants units
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { pinnedNode, root, toolEnv } from '../../scripts/lib/prepare.mjs'
import { must, StepError } from '../../scripts/lib/run.mjs'

const product = 'usr/lib/holdfast'
/** Files of a package that its native code or its loader needs; sources and other machines' binaries stay away. */
const nativePackages = [
  {
    name: 'better-sqlite3',
    files: ['package.json', 'LICENSE', 'lib', `prebuilds/linux-${process.arch}.node`],
  },
  { name: '@node-rs/argon2', files: ['package.json', 'index.js'] },
  { name: `@node-rs/argon2-linux-${process.arch}-gnu`, files: null },
]

/**
 * Lays the tree below `to`, which is emptied first. `prepare()` must have run.
 * @param {object} options
 * @param {string} options.to folder of the tree
 * @param {number} options.epochSeconds time of every file, so that two trees are alike
 * @param {string | null} [options.etcd] path of the etcd binary to take in
 * @param {boolean} [options.units] whether the systemd units come too
 */
export async function stage({ to, epochSeconds, etcd = null, units = true }) {
  rmSync(to, { recursive: true, force: true })
  const into = (path) => {
    mkdirSync(dirname(join(to, path)), { recursive: true })
    return join(to, path)
  }
  // Made anew: the checkout's own bundle keeps chunks of older builds.
  await must(pinnedNode, ['scripts/lib/bundle.mjs', root, into(`${product}/app`)], {
    cwd: root,
    env: toolEnv(),
    advice: 'correct what the message names, then run this again',
  })
  for (const name of readdirSync(join(to, product, 'app/bundle')))
    if (name.endsWith('.map')) rmSync(join(to, product, 'app/bundle', name))
  for (const { name, files } of nativePackages) {
    const from = join(root, 'node_modules', name)
    if (!existsSync(from)) throw new StepError(`the package ${name} is not installed: run npm ci`)
    for (const file of files ?? readdirSync(from))
      cpSync(join(from, file), into(`${product}/app/node_modules/${name}/${file}`), { recursive: true })
  }
  cpSync(pinnedNode, into(`${product}/node/bin/node`))
  cpSync(join(root, 'apps/admin/out'), into(`${product}/ui`), { recursive: true })
  cpSync(join(root, 'appliance/lib/holdfast.mjs'), into(`${product}/app/holdfast.mjs`))
  symlinkSync('../lib/holdfast/app/holdfast.mjs', into('usr/bin/holdfast'))
  if (etcd !== null) cpSync(etcd, into(`${product}/etcd/${basename(etcd)}`))
  if (units) cpSync(join(root, 'appliance/systemd'), into('usr/lib'), { recursive: true })
  settle(to, epochSeconds)
}

const executables = [`${product}/app/holdfast.mjs`, `${product}/node/bin/node`, `${product}/etcd/`]

/**
 * Gives every file below `to` the same mode and time wherever it was built.
 * @param {(path: string) => boolean} [isExecutable] tells programs among the files, by their path below `to`
 */
export function settle(to, epochSeconds, isExecutable = isProgram, path = '') {
  const here = join(to, path)
  const kind = lstatSync(here)
  if (kind.isDirectory()) {
    for (const name of readdirSync(here))
      settle(to, epochSeconds, isExecutable, path === '' ? name : `${path}/${name}`)
    chmodSync(here, 0o755)
  } else if (kind.isFile()) {
    chmodSync(here, isExecutable(path) ? 0o755 : 0o644)
  }
  lutimesSync(here, epochSeconds, epochSeconds)
}

function isProgram(path) {
  return executables.some((each) => path.startsWith(each))
}
