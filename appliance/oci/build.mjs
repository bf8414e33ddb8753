// `npm run appliance:oci [-- --out DIR]`: the container image as one archive that podman, docker and containerd load
// from a USB stick. Three layers: Debian's libraries, Node and etcd, the product; the last is what an update changes.
// No engine, no shell in it. The same commit, tools and mirror give the same bytes.
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { installPrograms } from '../../scripts/lib/debian.mjs'
import { prepare, root } from '../../scripts/lib/prepare.mjs'
import { StepError, seconds, step } from '../../scripts/lib/run.mjs'
import { releaseKeys } from '../image/keys.mjs'
import { productVersion, sha256, sourceDate, tool } from '../image/lib.mjs'
import { debianSources } from '../image/rootfs.mjs'
import { etcdProgram } from '../lib/etcd.mjs'
import { licences } from '../lib/licences.mjs'
import { markRelease } from '../lib/release.mjs'
import { settle, stage } from '../lib/stage.mjs'

const suite = 'trixie'
/** What Node is linked with; etcd needs nothing. */
const libraries = ['libc6', 'libgcc-s1', 'libstdc++6']
/** setpriv starts etcd so that it ends with the daemon; of its packages only what it needs comes along. */
const starter = {
  packages: ['util-linux', 'libcap-ng0'],
  files:
    /^(usr\/bin\/setpriv|usr\/lib\/[^/]+\/libcap-ng\.so\.0[^/]*|usr\/share\/doc\/(util-linux|libcap-ng0)\/copyright)$/,
}
/** Owner of /data and of the process. Above what systems give to their own people and services. */
const user = 10_443
/** Carried on a stick and kept on every machine. */
const maxArchiveBytes = 200 * 1000 * 1000
const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch]

const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
}

/** Node with the flags that bin/holdfast explains; the first line of a program has room for one. */
const entrypoint = [
  '/usr/lib/holdfast/node/bin/node',
  '--disable-warning=ExperimentalWarning',
  '--initial-old-space-size=128',
  '/usr/bin/holdfast',
]
/** What is set for the process; everything else is the operator's (docs/reference/settings.md). */
const environment = {
  PATH: '/usr/bin',
  HOLDFAST_DATA: '/data',
  MALLOC_ARENA_MAX: '2',
  NODE_COMPILE_CACHE: '/tmp/holdfast-compile',
}

/**
 * Builds the archive.
 * @param {object} options
 * @param {string} options.out folder of the result
 * @param {string} options.work folder for trees and layers
 * @returns {Promise<{ file: string, digest: string }>} the archive, and the digest by which a chart names the image
 */
export async function buildOci({ out, work, version = productVersion() }) {
  const epochSeconds = sourceDate()
  const place = join(work, 'oci')
  rmSync(place, { recursive: true, force: true })
  mkdirSync(place, { recursive: true })
  const debian = await debianTree(place)
  const { runtime, product } = await productTrees(place, epochSeconds)
  markRelease({ tree: product, kind: 'container', version, epochSeconds, keys: await releaseKeys() })
  // The dynamic loader is a program, though it lies among the libraries.
  settle(debian, epochSeconds, (path) => path.startsWith('usr/bin/') || /\/ld-linux-[^/]+$/.test(path))
  for (const tree of [runtime, product]) settle(tree, epochSeconds)
  const layout = join(place, 'layout')
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true })
  const layers = []
  for (const [tree, what] of [
    [debian, `${libraries.join(', ')} and setpriv of Debian ${suite}, /data, /tmp`],
    [runtime, 'Node.js and etcd'],
    [product, `Holdfast ${version}`],
  ])
    layers.push({ ...(await layer({ tree, place, layout, epochSeconds, owned: tree === debian })), what })
  const digest = manifestOf({ layout, layers, version, epochSeconds })
  mkdirSync(out, { recursive: true })
  const file = join(out, `holdfast_${version}_${architecture}.oci.tar`)
  rmSync(file, { force: true })
  await tar(layout, file, epochSeconds)
  const { size } = statSync(file)
  if (size > maxArchiveBytes) throw new StepError(`${file} has ${size} bytes, over ${maxArchiveBytes}`)
  writeFileSync(`${file}.digest`, `${digest}\n`)
  return { file, digest }
}

/** Libraries without the package manager, a shell or documentation; licences stay. */
async function debianTree(place) {
  const tree = join(place, 'debian')
  const base = await extract(place, 'libraries', libraries)
  for (const path of ['usr/lib', 'usr/lib64', 'usr/share/doc', 'etc/ld.so.conf.d']) {
    if (existsSync(join(base, path)))
      cpSync(join(base, path), join(tree, path), { recursive: true, verbatimSymlinks: true })
  }
  const whole = await extract(place, 'starter', starter.packages)
  for (const path of readdirSync(whole, { recursive: true, encoding: 'utf8' })) {
    if (!starter.files.test(path)) continue
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    cpSync(join(whole, path), join(tree, path), { verbatimSymlinks: true })
  }
  for (const name of ['lib', 'lib64'])
    if (existsSync(join(tree, 'usr', name))) symlinkSync(`usr/${name}`, join(tree, name))
  for (const folder of ['data', 'tmp', 'proc', 'sys', 'dev', 'etc'])
    mkdirSync(join(tree, folder), { recursive: true })
  const etc = (name, text) => writeFileSync(join(tree, 'etc', name), text)
  etc('passwd', `root:x:0:0:root:/:/nonexistent\nholdfast:x:${user}:${user}::/data:/nonexistent\n`)
  etc('group', `root:x:0:\nholdfast:x:${user}:\n`)
  etc('nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n')
  etc('os-release', 'ID=holdfast\nID_LIKE=debian\nNAME=Holdfast\nVERSION_CODENAME=trixie\n')
  return tree
}

/** Unpacks packages of Debian, and what they depend on, without installing anything. */
async function extract(place, name, packages) {
  const folder = join(place, name)
  const sources = join(place, 'sources.list')
  writeFileSync(sources, `${debianSources().join('\n')}\n`)
  await tool('mmdebstrap', [
    '--quiet',
    '--variant=extract',
    `--include=${packages.join(',')}`,
    `--architectures=${architecture}`,
    '--dpkgopt=path-exclude=/usr/share/doc/*',
    '--dpkgopt=path-include=/usr/share/doc/*/copyright',
    suite,
    folder,
    sources,
  ])
  return folder
}

async function productTrees(place, epochSeconds) {
  const product = join(place, 'product')
  const runtime = join(place, 'runtime')
  await stage({ to: product, epochSeconds, etcd: etcdProgram(), units: false })
  const folder = 'usr/lib/holdfast'
  mkdirSync(join(runtime, folder), { recursive: true })
  for (const part of ['node', 'etcd']) renameSync(join(product, folder, part), join(runtime, folder, part))
  mkdirSync(join(product, 'usr/share/doc/holdfast'), { recursive: true })
  writeFileSync(join(product, 'usr/share/doc/holdfast/copyright'), licences())
  return { runtime, product }
}

/** Packs a tree into a blob. In one of them are the folders that do not belong to root. */
async function layer({ tree, place, layout, epochSeconds, owned }) {
  const file = join(place, 'layer.tar')
  await tar(tree, file, epochSeconds, owned ? ['--exclude=./data', '--exclude=./tmp'] : [])
  if (owned) {
    await append(tree, file, epochSeconds, { name: 'data', owner: user, mode: '0700' })
    await append(tree, file, epochSeconds, { name: 'tmp', owner: 0, mode: '1777' })
  }
  const diffId = `sha256:${await sha256(file)}`
  await tool('gzip', ['-n', '-6', '-f', file])
  return { diffId, ...blob(layout, readFileSync(`${file}.gz`), types.layer) }
}

const sameEverywhere = (epochSeconds) => [
  '--sort=name',
  `--mtime=@${epochSeconds}`,
  '--numeric-owner',
  '--format=posix',
  '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
]

function tar(tree, file, epochSeconds, flags = []) {
  const fixed = [...sameEverywhere(epochSeconds), '--owner=0', '--group=0']
  return tool('tar', [...fixed, ...flags, '-cf', file, '-C', tree, '.'])
}

function append(tree, file, epochSeconds, { name, owner, mode }) {
  const belongs = [`--owner=${owner}`, `--group=${owner}`, `--mode=${mode}`]
  const flags = [...sameEverywhere(epochSeconds), ...belongs, '--no-recursion']
  return tool('tar', [...flags, '-rf', file, '-C', tree, `./${name}`])
}

/** Writes configuration, manifest and index; returns the digest of the manifest. */
function manifestOf({ layout, layers, version, epochSeconds }) {
  const created = new Date(epochSeconds * 1000).toISOString().replace('.000', '')
  const labels = {
    'org.opencontainers.image.title': 'Holdfast',
    'org.opencontainers.image.description': 'Secure messaging for places with no internet',
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.created': created,
  }
  const config = json(layout, types.config, {
    architecture,
    os: 'linux',
    created,
    config: {
      User: `${user}:${user}`,
      ExposedPorts: { '7443/tcp': {} },
      Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      Entrypoint: entrypoint,
      Cmd: ['serve'],
      Volumes: { '/data': {} },
      WorkingDir: '/data',
      StopSignal: 'SIGTERM',
      Labels: labels,
    },
    rootfs: { type: 'layers', diff_ids: layers.map((each) => each.diffId) },
    history: layers.map((each) => ({ created, created_by: 'appliance/oci/build.mjs', comment: each.what })),
  })
  const manifest = json(layout, types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config,
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    annotations: labels,
  })
  const name = `localhost/holdfast:${version}`
  const index = {
    schemaVersion: 2,
    mediaType: types.index,
    manifests: [
      {
        ...manifest,
        platform: { architecture, os: 'linux' },
        annotations: { 'org.opencontainers.image.ref.name': name, 'io.containerd.image.name': name },
      },
    ],
  }
  writeFileSync(join(layout, 'index.json'), JSON.stringify(index))
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  // Engines from before the OCI layout read this list (docker load).
  const path = (descriptor) => `blobs/sha256/${descriptor.digest.slice('sha256:'.length)}`
  const legacy = [{ Config: path(config), RepoTags: [name], Layers: layers.map(path) }]
  writeFileSync(join(layout, 'manifest.json'), JSON.stringify(legacy))
  return manifest.digest
}

function json(layout, mediaType, value) {
  return blob(layout, Buffer.from(JSON.stringify(value)), mediaType)
}

function blob(layout, bytes, mediaType) {
  const hex = createHash('sha256').update(bytes).digest('hex')
  writeFileSync(join(layout, 'blobs/sha256', hex), bytes)
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length }
}

export async function main(args) {
  const { values } = parseArgs({
    args,
    options: {
      out: { type: 'string', default: join(root, '.appliance/out') },
      work: { type: 'string', default: join(root, '.appliance/work') },
    },
  })
  await prepare({ etcd: true })
  await installPrograms(['oci'])
  const startedAt = performance.now()
  const { file, digest } = await step('Building the container image', () => buildOci(values))
  const size = (statSync(file).size / 1e6).toFixed(1)
  console.log(`${await sha256(file)}  ${file} (${size} MB, ${seconds(performance.now() - startedAt)})`)
  console.log(`Load it with: podman load -i ${file}\nIts digest, for the chart: ${digest}`)
}
