// The root file system: Debian by mmdebstrap, our files over it, one squashfs.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StepError } from '../../scripts/lib/run.mjs'
import { here, listOf, tool } from './lib.mjs'
import { enabledUnits, maskedGenerators, maskedUnits } from './units.mjs'

const suite = 'trixie'
const debianKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
/** The mirrors of this machine's apt, for the image's Debian. */
export function debianSources() {
  const text = execFileSync(
    'apt-get',
    ['indextargets', '--format', '$(ORIGIN)\t$(LABEL)\t$(REPO_URI)', 'Created-By: Packages'],
    { encoding: 'utf8' },
  )
  const rows = text.split('\n').map((line) => line.split('\t'))
  const uri = (label) => rows.find(([origin, each]) => origin === 'Debian' && each === label)?.[2]
  const main = uri('Debian')
  if (!main)
    throw new StepError(
      "apt knows no mirror of Debian: add one to /etc/apt/sources.list.d and run 'apt-get update'",
    )
  const security = uri('Debian-Security')
  const signed = `[signed-by=${debianKeyring}]`
  return [
    `deb ${signed} ${main} ${suite} main`,
    `deb ${signed} ${main} ${suite}-updates main`,
    ...(security ? [`deb ${signed} ${security} ${suite}-security main`] : []),
  ]
}

/**
 * Makes the tree of the root file system.
 * @param {object} options
 * @param {string} options.to folder of the tree, emptied first
 * @param {string} options.product the staged product
 * @param {string} options.keys folder of release-ca.pem and setup-ca.pem
 * @param {string} options.version
 * @param {number} options.date seconds
 */
export async function makeRootfs({ to, product, keys, version, date, work }) {
  rmSync(to, { recursive: true, force: true })
  const sources = join(work, 'sources.list')
  writeFileSync(sources, `${debianSources().join('\n')}\n`)
  const files = join(work, 'overlay')
  layOverlay({ files, keys, version, date })
  const clean = join(here, 'clean.sh')
  await tool(
    'mmdebstrap',
    [
      '--mode=root',
      '--variant=essential',
      '--skip=check/empty',
      `--include=${listOf('packages.txt').join(',')}`,
      ...listOf('excluded-paths.txt').map((path) => `--dpkgopt=path-exclude=${path}`),
      '--dpkgopt=path-include=/usr/share/doc/*/copyright',
      '--dpkgopt=force-unsafe-io',
      `--essential-hook=mkdir -p "$1/etc/initramfs-tools"; cp -a ${files}/etc/initramfs-tools/. "$1/etc/initramfs-tools/"`,
      `--customize-hook=cp -a --no-preserve=ownership ${files}/. "$1/"`,
      `--customize-hook=cp -a --no-preserve=ownership ${product}/. "$1/"`,
      '--customize-hook=chroot "$1" systemd-sysusers',
      `--customize-hook=chroot "$1" systemctl enable ${enabledUnits.join(' ')} >/dev/null 2>&1`,
      `--customize-hook=chroot "$1" systemctl mask ${maskedUnits.join(' ')} >/dev/null 2>&1`,
      `--customize-hook=cd "$1/etc/systemd" && mkdir system-generators && for each in ${maskedGenerators.join(' ')}; do ln -s /dev/null system-generators/$each; done`,
      `--customize-hook=sh ${clean} "$1"`,
      suite,
      to,
      sources,
    ],
    { env: { SOURCE_DATE_EPOCH: String(date) } },
  )
  if (!existsSync(join(to, 'boot/vmlinuz'))) throw new StepError('the image has no kernel')
}

function layOverlay({ files, keys, version, date }) {
  rmSync(files, { recursive: true, force: true })
  cpSync(join(here, 'overlay'), files, { recursive: true })
  const place = join(files, 'usr/lib/holdfast/keys')
  mkdirSync(place, { recursive: true })
  for (const name of ['release-ca.pem', 'setup-ca.pem']) cpSync(join(keys, name), join(place, name))
  writeFileSync(join(files, 'usr/lib/holdfast/release.json'), releaseJson({ version, date }))
}

/** What a running machine knows of its image. */
export function releaseJson({ version, date }) {
  return `${JSON.stringify({ version, date: new Date(date * 1000).toISOString(), kind: 'appliance' })}\n`
}

/** Kernel and initrd stay uncompressed blocks: GRUB reads them without unpacking. */
const readByGrub = 'uncompressed@pathname(boot/vmlinuz-*)||pathname(boot/initrd.img-*)'

/**
 * LZO is what GRUB reads that unpacks fastest: a start reads 150 MB, which gzip slows down by seconds. `fast` packs in
 * a third of the time, a fifth larger.
 * @param {{ from: string, to: string, date: number, fast?: boolean }} options
 */
export async function makeSquashfs({ from, to, date, fast = false }) {
  rmSync(to, { force: true })
  const args = ['-comp', 'lzo', '-noappend', '-no-progress', '-quiet']
  if (fast) args.push('-Xalgorithm', 'lzo1x_1_15')
  await tool('mksquashfs', [from, to, ...args, '-action', readByGrub], {
    env: { SOURCE_DATE_EPOCH: String(date) },
  })
}

/** Packages of Debian in the tree: name, version, architecture, licences unknown here. */
export function debianPackages(rootfs) {
  const status = readFileSync(join(rootfs, 'var/lib/dpkg/status'), 'utf8')
  return status
    .split('\n\n')
    .filter((block) => /^Status: install ok installed$/m.test(block))
    .map((block) => {
      const field = (name) => block.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1] ?? ''
      return { name: field('Package'), version: field('Version'), arch: field('Architecture') }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

export const rootfsIsEmpty = (folder) => !existsSync(folder) || readdirSync(folder).length === 0
