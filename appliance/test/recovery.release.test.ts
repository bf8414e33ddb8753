/** The installer's stick, the console's factory reset, a data partition without room, and a slot that cannot be read. */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { built, testFolder } from './built.ts'
import { fillData } from './data-partition.ts'
import { CommandLine, readConsole, setUp, untilReady, wellKnown } from './node-over-https.ts'
import { env } from './sticks.ts'
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

/** A disk with the version in both slots, of which A has lost the start of its file system. */
function withoutSlotA(folder: string): string {
  const [disk, environment] = [join(folder, 'disk.raw'), join(folder, 'grubenv')]
  const run = (command: string, ...words: string[]) => execFileSync(command, words, { env })
  const blocks = ['bs=1M', 'conv=notrunc,sparse', 'status=none']
  run('cp', '--sparse=always', built('.raw'), disk)
  // In MiB, as disk.mjs lays it out: the ESP at 2, slot A at 50, slot B at 562.
  run('dd', `if=${disk}`, `of=${disk}`, 'skip=50', 'seek=562', 'count=512', ...blocks)
  run('dd', 'if=/dev/urandom', `of=${disk}`, 'seek=50', 'count=1', ...blocks)
  run('mcopy', '-i', `${disk}@@2M`, '::grub/grubenv', environment)
  run('grub-editenv', environment, 'set', 'B_OK=1')
  run('mcopy', '-o', '-i', `${disk}@@2M`, environment, '::grub/grubenv')
  return disk
}

test('a slot that cannot be read is left for the other one', async () => {
  const folder = testFolder('unread')
  {
    await using vm = await Vm.start({ name: 'unread', folder, disk: withoutSlotA(folder) })
    await vm.says(/GRUB: order=A B A=1\/1 B=1\/0 -> 0/, bootSeconds)
    await vm.says(/Slot A cannot be started\./, bootSeconds)
    await vm.says(/GRUB: order=A B A=1\/1 B=1\/1 -> 1/, bootSeconds)
    await vm.says(/Holdfast \S+, slot B on/, bootSeconds)
    await untilReady(vm, bootSeconds)
  }
  rmSync(folder, { recursive: true, force: true })
})
