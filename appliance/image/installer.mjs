// The USB installer: a stick that starts on BIOS and UEFI, holds the disk image packed, and writes it to a disk after
// the installer at the screen chose one and typed its name. It is the appliance's own kernel and root file system with
// another command line, so there is no second system to keep current.
import { closeSync, mkdtempSync, openSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copySparse, makeEsp, mib, partition, types, writeBiosCore } from './disk.mjs'
import { here, sha256, tool } from './lib.mjs'

const espLabel = 'HFINSTALL'

/** @param {{ raw: string, squashfs: string, to: string, version: string, date: number }} options */
export async function makeUsb({ raw, squashfs, to, version, date }) {
  const work = mkdtempSync(join(tmpdir(), 'holdfast-usb-'))
  try {
    const packed = join(work, 'disk.raw.zst')
    await tool('zstd', ['-q', '-3', '-T2', '--no-progress', raw, '-o', packed])
    const image = await imagePartition({ work, packed, raw, version, date })
    const parts = layout(statSync(image).size, statSync(squashfs).size)
    const esp = await makeEsp({ work, date, label: espLabel, config: join(here, 'installer-grub.cfg') })
    rmSync(to, { force: true })
    writeFileSync(to, '')
    const end = parts.at(-1)
    truncateSync(to, (end.startMib + end.mib + 1) * mib)
    await partition(to, parts, work)
    const disk = openSync(to, 'r+')
    try {
      const place = (name) => parts.find((part) => part.name === name).startMib * mib
      copySparse(esp, disk, place('install-esp'))
      copySparse(squashfs, disk, place('install-root'))
      copySparse(image, disk, place('install-image'))
      writeBiosCore(disk, join(work, 'core.img'), place('install-bios') / 512)
    } finally {
      closeSync(disk)
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function layout(imageBytes, squashfsBytes) {
  let at = 1
  return [
    { name: 'install-bios', type: types.bios, mib: 1 },
    { name: 'install-esp', type: types.esp, mib: 48 },
    { name: 'install-root', type: types.root, mib: Math.ceil(squashfsBytes / mib) + 1 },
    { name: 'install-image', type: types.linux, mib: Math.ceil(imageBytes / mib) + 1 },
  ].map((each, index) => {
    const entry = {
      ...each,
      startMib: at,
      uuid: `686f6c64-6661-4374-8000-0000000001${String(index).padStart(2, '0')}`,
    }
    at += each.mib
    return entry
  })
}

/** A small squashfs with the packed disk, its size and its checksum. */
async function imagePartition({ work, packed, raw, version, date }) {
  const folder = join(work, 'image')
  await tool('mkdir', ['-p', folder])
  await tool('mv', [packed, join(folder, 'disk.raw.zst')])
  writeFileSync(join(folder, 'disk.raw.sha256'), `${await sha256(raw)}\n`)
  writeFileSync(join(folder, 'disk.raw.size'), `${statSync(raw).size}\n`)
  writeFileSync(join(folder, 'version'), `${version}\n`)
  const image = join(work, 'image.squashfs')
  await tool('mksquashfs', [folder, image, '-noappend', '-no-progress', '-quiet', '-noD', '-all-root'], {
    env: { SOURCE_DATE_EPOCH: String(date) },
  })
  return image
}
