/** The installer's stick, the console's factory reset, and a data partition without room. */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { built, testFolder } from './built.ts'
import { CommandLine, readConsole, setUp, untilReady, wellKnown } from './node-over-https.ts'
import { overlayOf, Vm } from './vm.ts'

const bootSeconds = 900
const writeSeconds = 1800

test('the installer writes an empty disk, which then starts; factory reset makes it new again', async () => {
  const folder = testFolder('installer')
  {
    const target = join(folder, 'target.qcow2')
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', target, '4G'])
    const stick = overlayOf(built('-installer.img'), join(folder, 'stick.qcow2'))
    await using installer = await Vm.start({ name: 'installer', folder, disk: stick, secondDisk: target })
    await installer.says(/\[1\] vdb\s+4\.0 GiB/, bootSeconds)
    installer.type('1')
    await installer.says(/Type vdb to overwrite it/, bootSeconds)
    installer.type('vdb')
    await installer.says(/INSTALLED\./, writeSeconds)
    await installer.powerCut()

    await using vm = await Vm.start({ name: 'installed', folder, disk: target })
    const first = await readConsole(vm, bootSeconds)
    await untilReady(vm, bootSeconds)
    await setUp(vm, first)
    await vm.says(/Facility\s+Port of Kaldvik/, bootSeconds)
    await vm.says(/HEALTH-OK/, bootSeconds)
    vm.type('4')
    await vm.says(/Type ERASE to do it/, bootSeconds)
    vm.type('erase')
    await vm.says(/\[4\] Factory reset/, bootSeconds)
    expect(await wellKnown(vm)).toMatchObject({ setUp: true })
    vm.type('4')
    await vm.says(/Type ERASE to do it/, bootSeconds)
    vm.type('ERASE')
    await vm.says(/holdfast: factory reset, all data are erased/, bootSeconds)
    const second = await readConsole(vm, bootSeconds)
    await untilReady(vm, bootSeconds)
    expect(await wellKnown(vm)).toMatchObject({ setUp: false })
    expect(second.code).not.toBe(first.code)
    expect(second.fingerprint).not.toBe(first.fingerprint)
  }
  rmSync(folder, { recursive: true, force: true })
})

test('a full data partition keeps no machine from starting, and signing in still works', async () => {
  const folder = testFolder('full')
  {
    const disk = overlayOf(built('.raw'), join(folder, 'disk.qcow2'), 3)
    await using vm = await Vm.start({ name: 'full', folder, disk })
    const seen = await readConsole(vm, bootSeconds)
    await untilReady(vm, bootSeconds)
    const ca = await setUp(vm, seen)
    const client = new CommandLine(vm, join(folder, 'client'))
    await client.login(ca)
    await client.run('channel', 'create', 'traffic', '--kind', 'group')
    await client.run('send', 'traffic', 'kept')
    await vm.says(/HEALTH-OK/, bootSeconds)
    await vm.powerCut()
    fill(disk, folder)
    await vm.powerOn()
    await untilReady(vm, bootSeconds)
    await vm.says(/HEALTH-OK/, bootSeconds)
    await client.login(ca)
    expect(await client.run('tail', 'traffic', '--since', '0', '--no-follow')).toContain('kept')
    await expect(client.run('send', 'traffic', 'no room')).rejects.toThrow(/disk/)
  }
  rmSync(folder, { recursive: true, force: true })
})

/** Writes a file that takes all the room of the data partition, from outside and without mounting. */
function fill(disk: string, folder: string): void {
  const raw = join(folder, 'full.raw')
  const data = join(folder, 'data.img')
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { env, stdio: ['ignore', 'pipe', 'ignore'] })
  run('qemu-img', 'convert', '-O', 'raw', disk, raw)
  const { partitions } = JSON.parse(run('sfdisk', '-J', raw).toString()).partitiontable
  const { start, size } = partitions[4]
  const block = ['bs=1M', 'conv=sparse,notrunc', 'status=none']
  run(
    'dd',
    `if=${raw}`,
    `of=${data}`,
    'iflag=skip_bytes,count_bytes',
    `skip=${start * 512}`,
    `count=${size * 512}`,
    ...block,
  )
  execFileSync('sh', ['-c', `e2fsck -fy ${data} >/dev/null 2>&1; test $? -lt 4`], { env })
  // debugfs writes until there is no block left.
  execFileSync(
    'sh',
    [
      '-c',
      `truncate -s 4G ${folder}/zeros && tr '\\0' 'x' < ${folder}/zeros > ${folder}/filler; rm ${folder}/zeros; debugfs -w -R "write ${folder}/filler filler" ${data} >/dev/null 2>&1; rm ${folder}/filler; e2fsck -fy ${data} >/dev/null 2>&1; test $? -lt 4`,
    ],
    { env },
  )
  run('dd', `if=${data}`, `of=${raw}`, 'oflag=seek_bytes', `seek=${start * 512}`, ...block)
  run('qemu-img', 'convert', '-O', 'qcow2', raw, disk)
  rmSync(raw)
  rmSync(data)
}
