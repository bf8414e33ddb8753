// `npm run appliance:image [-- --out DIR] [--version V] [--formats raw,qcow2,ova,usb]`
// Clean checkout to signed images. The same commit, tools and mirror give the same bytes.
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { installPrograms } from '../../scripts/lib/debian.mjs'
import { prepare, root } from '../../scripts/lib/prepare.mjs'
import { StepError, seconds, step } from '../../scripts/lib/run.mjs'
import { etcdProgram } from '../lib/etcd.mjs'
import { stage } from '../lib/stage.mjs'
import { makeDisk } from './disk.mjs'
import { makeOva, makeQcow2 } from './formats.mjs'
import { makeUsb } from './installer.mjs'
import { releaseKeys, signFile } from './keys.mjs'
import { productVersion, sha256, sourceDate } from './lib.mjs'
import { makeRootfs, makeSquashfs } from './rootfs.mjs'
import { sbom } from './sbom.mjs'

const allFormats = ['raw', 'qcow2', 'ova', 'usb']
/** A slot has 512 MiB; what is larger than this takes too long to carry and to write. */
const maxSquashfsBytes = 260 * 1000 * 1000

/** @returns names and sizes of what was made, in `out` */
export async function buildImage({ out, work, version = productVersion(), formats = allFormats }) {
  if (process.getuid?.() !== 0)
    throw new StepError('the image is built by root: its files belong to other users')
  await prepare({ etcd: true })
  await installPrograms(['image'])
  const date = sourceDate()
  const keys = await releaseKeys()
  mkdirSync(out, { recursive: true })
  mkdirSync(work, { recursive: true })
  const path = (suffix) => join(out, `holdfast-${version}${suffix}`)
  const product = join(work, 'product')
  const rootfs = join(work, 'rootfs')
  const squashfs = path('.squashfs')
  await step('Staging the product', () => stage({ to: product, epochSeconds: date, etcd: etcdProgram() }))
  await step('Installing Debian into the root file system', () =>
    makeRootfs({ to: rootfs, product, keys, version, date, work }),
  )
  await step('Packing it', () => makeSquashfs({ from: rootfs, to: squashfs, date }))
  const { size } = statSync(squashfs)
  if (size > maxSquashfsBytes)
    throw new StepError(`the root file system has ${size} bytes packed, over ${maxSquashfsBytes}`)
  writeFileSync(path('.cdx.json'), sbom({ rootfs, version, date }))
  const raw = path('.raw')
  await step('Laying out the disk', () => makeDisk({ squashfs, to: raw, date }))
  const made = [squashfs, path('.cdx.json'), raw]
  if (formats.includes('qcow2')) {
    await step('Writing qcow2', () => makeQcow2(raw, path('.qcow2')))
    made.push(path('.qcow2'))
  }
  if (formats.includes('ova')) {
    await step('Writing OVA', () => makeOva({ raw, to: path('.ova'), version, date }))
    made.push(path('.ova'))
  }
  if (formats.includes('usb')) {
    await step('Writing the USB installer', () =>
      makeUsb({ raw, squashfs, to: path('-installer.img'), version, date }),
    )
    made.push(path('-installer.img'))
  }
  await step('Summing up and signing', () => sums(out, made, keys))
  return made.map((file) => ({ file, bytes: statSync(file).size }))
}

async function sums(out, files, keys) {
  const lines = []
  for (const file of files) lines.push(`${await sha256(file)}  ${file.slice(out.length + 1)}\n`)
  writeFileSync(join(out, 'SHA256SUMS'), lines.join(''))
  await signFile(keys, join(out, 'SHA256SUMS'))
}

export async function main(args) {
  const { values } = parseArgs({
    args,
    options: {
      out: { type: 'string', default: join(root, '.appliance/out') },
      work: { type: 'string', default: join(root, '.appliance/work') },
      version: { type: 'string' },
      formats: { type: 'string', default: allFormats.join(',') },
      clean: { type: 'boolean', default: false },
    },
  })
  const formats = values.formats.split(',')
  const unknown = formats.filter((each) => !allFormats.includes(each))
  if (unknown.length > 0)
    throw new StepError(`${unknown.join(', ')} is no format: give some of ${allFormats.join(', ')}`)
  const startedAt = performance.now()
  const made = await buildImage({
    out: values.out,
    work: values.work,
    formats,
    ...(values.version ? { version: values.version } : {}),
  })
  if (values.clean) rmSync(values.work, { recursive: true, force: true })
  for (const { file, bytes } of made) console.log(`${(bytes / 1e6).toFixed(1).padStart(8)} MB  ${file}`)
  console.log(`Built in ${seconds(performance.now() - startedAt)}`)
}
