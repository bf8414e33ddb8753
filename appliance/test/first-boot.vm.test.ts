/**
 * The way of an installer who has never seen it: switch on, read the console, set up in the browser, send, restart. The
 * LAN has a way to the world meanwhile, and nothing takes it.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { built, testFolder } from './built.ts'
import { strayPackets } from './capture.ts'
import { CommandLine, readConsole, setUp, untilReady, wellKnown } from './node-over-https.ts'
import { overlayOf, Vm } from './vm.ts'

/** A hang guard: a machine under emulation on cores that others use too. */
const bootSeconds = 900

test('a disk starts on BIOS, is set up with the code of its console, keeps a message over a power cut', async () => {
  const folder = testFolder('first-boot')
  {
    await using vm = await Vm.start({
      name: 'bios',
      outside: true,
      folder,
      disk: overlayOf(built('.raw'), join(folder, 'disk.qcow2')),
    })
    await vm.says(/https:\/\/10\.0\.2\.15\//, bootSeconds)
    const seen = await readConsole(vm, bootSeconds)
    const ready = await untilReady(vm, bootSeconds)
    console.log(`BIOS to readyz: ${ready.toFixed(0)} s`)
    expect(await wellKnown(vm)).toMatchObject({ setUp: false })
    const ca = await setUp(vm, seen)
    const client = new CommandLine(vm, join(folder, 'client'))
    await client.login(ca)
    await client.run('channel', 'create', 'traffic', '--kind', 'group')
    await client.run('send', 'traffic', 'Aurelia Star abeam the fairway buoy')
    await vm.says(/Facility\s+Port of Kaldvik, node kaldvik-1/, bootSeconds)

    // What was acknowledged is on the disk, so the plug may be pulled.
    await vm.powerOn()
    await untilReady(vm, bootSeconds)
    expect(await client.run('tail', 'traffic', '--since', '0', '--no-follow')).toContain(
      'Aurelia Star abeam the fairway buoy',
    )
    expect(await wellKnown(vm)).toMatchObject({ setUp: true, facility: 'Port of Kaldvik' })
    await vm.says(/HEALTH-OK slot A/, bootSeconds)
    const { packets } = vm
    // Addresses were asked for and clients answered, so the capture has what the machine sent.
    expect(packets.some(({ from, toPort }) => from === '0.0.0.0' && toPort === 67)).toBe(true)
    expect(packets.some(({ to, toPort }) => to === '10.0.2.15' && toPort === 443)).toBe(true)
    expect(packets.some(({ from, toPort }) => from === '10.0.2.15' && toPort === 7447)).toBe(true)
    expect(strayPackets(packets)).toEqual([])
    const console2 = vm.serial.slice(vm.serial.lastIndexOf('GRUB:'))
    expect(console2).not.toContain('Set-up code')
    expect(console2).not.toMatch(/login:|# $|Press Enter for maintenance/)
  }
  rmSync(folder, { recursive: true, force: true })
})
