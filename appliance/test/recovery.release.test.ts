/** The installer's stick, the console's factory reset, and a data partition without room. */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { built, testFolder } from './built.ts'
import { fillData } from './data-partition.ts'
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
    fillData(disk, folder)
    await vm.powerOn()
    await untilReady(vm, bootSeconds)
    await vm.says(/HEALTH-OK/, bootSeconds)
    await client.login(ca)
    expect(await client.run('tail', 'traffic', '--since', '0', '--no-follow')).toContain('kept')
    await expect(client.run('send', 'traffic', 'no room')).rejects.toThrow(/disk/)
  }
  rmSync(folder, { recursive: true, force: true })
})
