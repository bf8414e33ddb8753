/** The data partition of a machine that is off, from outside and without mounting. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
const run = (command: string, ...args: string[]) =>
  execFileSync(command, args, { env, stdio: ['ignore', 'pipe', 'ignore'] })
const sectorBytes = 512
const dataNumber = 5
const blocks = ['bs=1M', 'conv=sparse,notrunc', 'status=none']

interface Opened {
  raw: string
  /** The file system alone. */
  data: string
  startBytes: number
}

function open(disk: string, work: string): Opened {
  mkdirSync(work, { recursive: true })
  const [raw, data] = [join(work, 'disk.raw'), join(work, 'data.img')]
  run('qemu-img', 'convert', '-O', 'raw', disk, raw)
  const { start, size } = JSON.parse(run('sfdisk', '-J', raw).toString()).partitiontable.partitions[
    dataNumber - 1
  ]
  const from = ['iflag=skip_bytes,count_bytes', `skip=${start * sectorBytes}`, `count=${size * sectorBytes}`]
  run('dd', `if=${raw}`, `of=${data}`, ...from, ...blocks)
  mend(data)
  return { raw, data, startBytes: start * sectorBytes }
}

/** Plays the journal back; what e2fsck corrects (1, 2) is no failure. */
const mend = (data: string) => run('sh', '-c', `e2fsck -fy ${data} >&2; test $? -lt 4`)

/** Copies the node's own data folder out. @returns where it is */
export function nodeDataOf(disk: string, to: string): string {
  const work = `${to}-work`
  const { data } = open(disk, work)
  mkdirSync(to, { recursive: true })
  run('debugfs', '-R', `rdump /holdfast ${to}`, data)
  rmSync(work, { recursive: true })
  return join(to, 'holdfast')
}

/** Writes a file that takes all the room. */
export function fillData(disk: string, folder: string): void {
  const work = join(folder, 'fill')
  const { raw, data, startBytes } = open(disk, work)
  const filler = join(work, 'filler')
  // debugfs writes until there is no block left, and skips what is zero.
  run(
    'sh',
    '-c',
    `head -c 4G /dev/zero | tr '\\0' x > ${filler}; debugfs -w -R "write ${filler} filler" ${data}`,
  )
  mend(data)
  run('dd', `if=${data}`, `of=${raw}`, 'oflag=seek_bytes', `seek=${startBytes}`, ...blocks)
  run('qemu-img', 'convert', '-O', 'qcow2', raw, disk)
  rmSync(work, { recursive: true })
}
