// `npm run appliance:bundle [-- --image FILE.squashfs] [--version V] [--notes FILE] [--min-version V]`
// One signed file with everything of a release: image, Debian package, container image, chart, list of contents, release notes.
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { installPrograms } from '../../scripts/lib/debian.mjs'
import { root } from '../../scripts/lib/prepare.mjs'
import { StepError, step } from '../../scripts/lib/run.mjs'
import { imageOf } from '../chart/build.mjs'
import { releaseKeys } from '../image/keys.mjs'
import { compatible, productVersion, sha256, sourceDate, tool } from '../image/lib.mjs'

/** Whatever the release has beside its image, by the end of its name. */
const kinds = [
  { kind: 'deb', ends: '.deb' },
  { kind: 'oci', ends: '.oci.tar' },
  { kind: 'chart', ends: '.tgz' },
  { kind: 'sbom', ends: '.cdx.json' },
]
const kindOf = (file) => kinds.find(({ ends }) => file.endsWith(ends))?.kind
/** The first version with updates: every one since can be updated in one step. */
const firstVersion = '0.1.0'

/**
 * @param {object} options
 * @param {string} options.image squashfs of the root file system
 * @param {readonly string[]} options.others packages, archives and lists to take along
 * @param {string} options.notes text of the release notes
 * @param {string} options.keys folder with release.pem and release.key
 * @param {string} options.to file of the bundle
 */
export async function makeBundle({ image, others, notes, version, minVersion, keys, to, work, date }) {
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  take(image, join(work, 'rootfs.img'))
  const artefacts = [{ name: 'rootfs.img', kind: 'image' }]
  for (const file of others) {
    const kind = kindOf(file)
    if (!kind) throw new StepError(`${file} is no part of a release`)
    take(file, join(work, basename(file)))
    artefacts.push({ name: basename(file), kind })
  }
  writeFileSync(join(work, 'release-notes.md'), notes)
  artefacts.push({ name: 'release-notes.md', kind: 'notes' })
  const contents = {
    version,
    date: new Date(date * 1000).toISOString(),
    minVersion,
    migrations: migrations(),
    artefacts: await Promise.all(
      artefacts.map(async ({ name, kind }) => ({
        name,
        kind,
        arch: kind === 'image' ? 'amd64' : (/_(amd64|arm64)\.|-(amd64|arm64)\./.exec(name)?.[1] ?? null),
        bytes: statSync(join(work, name)).size,
        sha256: await sha256(join(work, name)),
      })),
    ),
  }
  writeFileSync(join(work, 'holdfast.json'), `${JSON.stringify(contents, null, 1)}\n`)
  writeFileSync(
    join(work, 'manifest.raucm'),
    `[update]\ncompatible=${compatible}\nversion=${version}\n\n[bundle]\nformat=verity\n\n[image.rootfs]\nfilename=rootfs.img\n`,
  )
  rmSync(to, { force: true })
  await tool(
    'rauc',
    [
      'bundle',
      ...[`--cert=${join(keys, 'release.pem')}`, `--key=${join(keys, 'release.key')}`],
      // The image is packed already; packing it again costs a minute and saves nothing.
      '--mksquashfs-args=-noD -noF -noX',
      ...[work, to],
    ],
    { env: { SOURCE_DATE_EPOCH: String(date) } },
  )
}

/** Names of what may lie beside the image of a version. */
function partsOf(version) {
  const built = ['amd64', 'arm64'].flatMap((arch) => [`${version}_${arch}.deb`, `${version}_${arch}.oci.tar`])
  return [
    ...built.map((name) => `holdfast_${name}`),
    `holdfast-chart-${version}.tgz`,
    `holdfast-${version}.cdx.json`,
  ]
}

/**
 * What lies beside the image of a version and belongs to its release.
 * @returns {string[]} paths
 * @throws StepError when the chart would install another container image than the release has
 */
export function partsIn(folder, version) {
  if (!existsSync(folder)) return []
  const names = partsOf(version)
  const parts = readdirSync(folder).filter((name) => names.includes(name))
  const chart = parts.find((name) => kindOf(name) === 'chart')
  if (chart) {
    const digest = imageOf(join(folder, chart))
    const images = parts.filter((name) => kindOf(name) === 'oci')
    if (!images.some((name) => digestOf(join(folder, name)) === digest))
      throw new StepError(
        `${chart} installs ${digest}, which is no image of this release: run npm run appliance:oci and appliance:chart`,
      )
  }
  return parts.map((name) => join(folder, name))
}

function digestOf(archive) {
  const file = `${archive}.digest`
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : null
}

function take(from, to) {
  try {
    linkSync(from, to)
  } catch {
    cpSync(from, to)
  }
}

/** Names of the migrations that this checkout's version knows, by database. */
function migrations() {
  const of = (database) =>
    readdirSync(join(root, 'packages/db', database, 'migrations'))
      .filter((name) => /^\d{4}_/.test(name))
      .sort()
  return { cluster: of('cluster'), node: of('node') }
}

export async function main(args) {
  const out = join(root, '.appliance/out')
  const { values } = parseArgs({
    args,
    options: {
      version: { type: 'string', default: productVersion() },
      image: { type: 'string' },
      notes: { type: 'string' },
      'min-version': { type: 'string', default: firstVersion },
      out: { type: 'string', default: out },
      work: { type: 'string', default: join(root, '.appliance/work/bundle') },
    },
  })
  const { version } = values
  const image = values.image ?? join(out, `holdfast-${version}.squashfs`)
  if (!existsSync(image)) throw new StepError(`${image} is missing: run npm run appliance:image first`)
  await installPrograms(['image'])
  const notes = values.notes ?? join(root, 'docs/releases', `${version}.md`)
  if (!existsSync(notes))
    throw new StepError(`the release notes ${notes} are missing: write them, or give --notes FILE`)
  const others = partsIn(values.out, version)
  const to = join(values.out, `holdfast-${version}.raucb`)
  const keys = await releaseKeys()
  await step(`Bundling ${[image, ...others].map((file) => basename(file)).join(', ')}`, () =>
    makeBundle({
      image,
      others,
      notes: readFileSync(notes, 'utf8'),
      version,
      minVersion: values['min-version'],
      keys,
      to,
      work: values.work,
      date: sourceDate(),
    }),
  )
  console.log(`${(statSync(to).size / 1e6).toFixed(1).padStart(8)} MB  ${to}\n${await sha256(to)}  ${to}`)
}
