// The raw disk, which starts on BIOS and on UEFI, laid out in a file: no loop device, no mount.
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StepError } from '../../scripts/lib/run.mjs'
import { here, tool } from './lib.mjs'

export const mib = 1024 * 1024
const sector = 512
export const sizes = { espMib: 48, slotMib: 512, dataMib: 1024 }
const espLabel = 'HFESP'
const modules =
  'part_gpt fat squash4 normal linux loadenv test echo search search_label regexp configfile sleep serial terminal halt reboot minicmd true gzio'.split(
    ' ',
  )
/** The same ids in every image, so that two builds are alike; partitions are found by their names. */
const id = (last) => `686f6c64-6661-4374-8000-00000000000${last}`
export const types = {
  bios: '21686148-6449-6E6F-744E-656564454649',
  esp: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  root: '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709',
  linux: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
}

/** Partitions in order; sizes in MiB, each from the end of the one before. */
function layout() {
  let at = 1
  return [
    { name: 'bios', type: types.bios, mib: 1 },
    { name: 'esp', type: types.esp, mib: sizes.espMib },
    { name: 'rootA', type: types.root, mib: sizes.slotMib },
    { name: 'rootB', type: types.root, mib: sizes.slotMib },
    { name: 'data', type: types.linux, mib: sizes.dataMib },
  ].map((each, index) => {
    const entry = { ...each, startMib: at, uuid: id(index + 1) }
    at += each.mib
    return entry
  })
}

/** @param {{ squashfs: string, to: string, date: number }} options */
export async function makeDisk({ squashfs, to, date }) {
  const parts = layout()
  const slotBytes = sizes.slotMib * mib
  if (statSync(squashfs).size > slotBytes)
    throw new StepError(`${squashfs} is larger than a slot of ${sizes.slotMib} MiB`)
  const work = mkdtempSync(join(tmpdir(), 'holdfast-disk-'))
  try {
    const esp = await makeEsp({ work, date, label: espLabel, config: join(here, 'grub.cfg') })
    const data = await makeData(work, date)
    const end = parts.at(-1)
    rmSync(to, { force: true })
    writeFileSync(to, '')
    truncateSync(to, (end.startMib + end.mib + 1) * mib)
    await partition(to, parts, work)
    const disk = openSync(to, 'r+')
    try {
      const place = (name) => parts.find((part) => part.name === name).startMib * mib
      copySparse(esp, disk, place('esp'))
      copySparse(squashfs, disk, place('rootA'))
      copySparse(data, disk, place('data'))
      writeBiosCore(disk, join(work, 'core.img'), place('bios') / sector)
    } finally {
      closeSync(disk)
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

export async function partition(to, parts, work) {
  const lines = parts.map(
    (part) =>
      `start=${part.startMib}MiB,size=${part.mib}MiB,type=${part.type},uuid=${part.uuid},name=${part.name}`,
  )
  const script = join(work, 'layout')
  writeFileSync(script, ['label: gpt', `label-id: ${id(0)}`, 'first-lba: 2048', ...lines, ''].join('\n'))
  await tool('sh', ['-c', 'sfdisk -q "$1" < "$2"', 'sh', to, script])
}

/** The ESP with GRUB for both firmwares; `core.img` for BIOS stays in `work`. */
export async function makeEsp({ work, date, label, config }) {
  const file = (name) => join(work, name)
  writeFileSync(file('early.cfg'), `search.fs_label ${label} root\nset prefix=($root)/grub\n`)
  const grub = (format, output, extra) =>
    tool('grub-mkimage', [
      '-O',
      format,
      '-p',
      '/grub',
      '-c',
      file('early.cfg'),
      '-o',
      file(output),
      ...modules,
      ...extra,
    ])
  await grub('x86_64-efi', 'BOOTX64.EFI', ['all_video', 'efi_gop'])
  await grub('i386-pc', 'core.img', ['biosdisk'])
  await tool('grub-editenv', [file('grubenv'), 'create'])
  await tool('grub-editenv', [file('grubenv'), 'set', 'ORDER=A B', 'A_OK=1', 'B_OK=0', 'A_TRY=0', 'B_TRY=0'])
  copyFileSync(config, file('grub.cfg'))
  const esp = file('esp')
  writeFileSync(esp, '')
  truncateSync(esp, sizes.espMib * mib)
  const env = { SOURCE_DATE_EPOCH: String(date), TZ: 'UTC' }
  await tool('mkfs.vfat', ['--invariant', '-F', '32', '-i', '484f4c44', '-n', label, esp], { env })
  for (const name of ['BOOTX64.EFI', 'grub.cfg', 'grubenv']) utimesSync(file(name), date, date)
  await tool('mmd', ['-i', esp, '::EFI', '::EFI/BOOT', '::grub'], { env })
  for (const [name, path] of [
    ['BOOTX64.EFI', '::EFI/BOOT/BOOTX64.EFI'],
    ['grub.cfg', '::grub/grub.cfg'],
    ['grubenv', '::grub/grubenv'],
  ])
    await tool('mcopy', ['-m', '-i', esp, file(name), path], { env })
  fixFatTimes(esp, date)
  return esp
}

async function makeData(work, date) {
  const data = join(work, 'data')
  writeFileSync(data, '')
  truncateSync(data, sizes.dataMib * mib)
  const seed = `hash_seed=${id(9)},root_owner=0:0`
  await tool('mke2fs', ['-q', '-t', 'ext4', '-L', 'data', '-m', '1', '-U', id(8), '-E', seed, data], {
    env: { E2FSPROGS_FAKE_TIME: String(date) },
  })
  return data
}

/** Copies what is not zero, so that the file stays sparse. */
export function copySparse(from, disk, at) {
  const source = openSync(from, 'r')
  const buffer = Buffer.alloc(mib)
  const zero = Buffer.alloc(mib)
  try {
    for (let offset = 0; ; ) {
      const length = readSync(source, buffer, 0, mib, offset)
      if (length === 0) return
      const piece = buffer.subarray(0, length)
      if (!piece.equals(zero.subarray(0, length))) writeSync(disk, piece, 0, length, at + offset)
      offset += length
    }
  } finally {
    closeSync(source)
  }
}

/**
 * What grub-bios-setup would patch, done on the file: the first sector of the core in the boot sector, and the block
 * list at the end of the core's own first sector (GRUB manual, "Images"; boot/i386/pc/diskboot.S).
 */
export function writeBiosCore(disk, coreFile, firstSector) {
  const raw = readFileSync(coreFile)
  const core = Buffer.alloc(Math.ceil(raw.length / sector) * sector)
  raw.copy(core)
  if (core.length > mib) throw new StepError('the BIOS core of GRUB is larger than its partition')
  core.writeBigUInt64LE(BigInt(firstSector + 1), 0x1f4)
  core.writeUInt16LE(core.length / sector - 1, 0x1fc)
  core.writeUInt16LE(0x820, 0x1fe)
  const boot = Buffer.from(readFileSync('/usr/lib/grub/i386-pc/boot.img'))
  boot.writeBigUInt64LE(BigInt(firstSector), 0x5c)
  boot[0x66] = 0x90
  boot[0x67] = 0x90
  writeSync(disk, boot, 0, 440, 0)
  writeSync(disk, core, 0, core.length, firstSector * sector)
}

const directoryEntryBytes = 32

/** mmd stamps directories with the time of the build; every entry gets the image's date instead. */
function fixFatTimes(esp, date) {
  const bytes = readFileSync(esp)
  const at = new Date(date * 1000)
  const day = ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate()
  const time = (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1)
  const clusterBytes = bytes.readUInt16LE(11) * bytes[13]
  const reserved = bytes.readUInt16LE(14) * bytes.readUInt16LE(11)
  const fatBytes = bytes.readUInt32LE(36) * bytes.readUInt16LE(11)
  const data = reserved + bytes[16] * fatBytes
  const next = (cluster) => bytes.readUInt32LE(reserved + cluster * 4) & 0x0fffffff
  const walk = (first) => {
    for (let cluster = first; cluster < 0x0ffffff8 && cluster >= 2; cluster = next(cluster)) {
      const start = data + (cluster - 2) * clusterBytes
      for (let at2 = start; at2 < start + clusterBytes; at2 += directoryEntryBytes) {
        if (bytes[at2] === 0) return
        const attributes = bytes[at2 + 11]
        if (attributes === 0x0f || bytes[at2] === 0xe5) continue
        bytes[at2 + 13] = 0
        bytes.writeUInt16LE(time, at2 + 14)
        bytes.writeUInt16LE(day, at2 + 16)
        bytes.writeUInt16LE(day, at2 + 18)
        bytes.writeUInt16LE(time, at2 + 22)
        bytes.writeUInt16LE(day, at2 + 24)
        const child = (bytes.readUInt16LE(at2 + 20) << 16) | bytes.readUInt16LE(at2 + 26)
        const isFolder = (attributes & 0x10) !== 0 && bytes[at2] !== 0x2e
        if (isFolder) walk(child)
      }
    }
  }
  walk(bytes.readUInt32LE(44))
  writeFileSync(esp, bytes)
}
