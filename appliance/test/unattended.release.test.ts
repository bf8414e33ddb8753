/** Machines that nobody stands before: set up by the hypervisor's credential, by a signed stick; refused without a signature. */
import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { built, root, testFolder } from './built.ts'
import { authority, CommandLine, owner, untilReady, wellKnown } from './node-over-https.ts'
import { makeStick } from './sticks.ts'
import { overlayOf, Vm } from './vm.ts'

const bootSeconds = 900
const setup = {
  facility: 'Port of Kaldvik',
  nodeName: 'kaldvik-1',
  owner: owner.name,
  password: owner.password,
}

function sign(file: string, to: string): void {
  execFileSync(process.execPath, [join(root, 'scripts/appliance.mjs'), 'stick', file, '--out', to], {
    cwd: root,
    stdio: 'inherit',
  })
}

test('UEFI: the credential of the hypervisor sets the node up, and its password signs in', async () => {
  const folder = testFolder('credential')
  {
    await using vm = await Vm.start({
      name: 'credential',
      folder,
      firmware: 'uefi',
      disk: overlayOf(built('.qcow2'), join(folder, 'disk.qcow2'), 32),
      smbios: [`io.systemd.credential:holdfast.setup=${JSON.stringify(setup)}`],
    })
    await vm.says(/SET-UP Port of Kaldvik, node kaldvik-1, owner ingrid/, bootSeconds)
    await untilReady(vm, bootSeconds)
    expect(await wellKnown(vm)).toMatchObject({ setUp: true, facility: 'Port of Kaldvik' })
    await new CommandLine(vm, join(folder, 'client')).login(await authority(vm))
    expect(vm.serial).not.toContain(owner.password)
    expect(vm.serial).not.toMatch(/Set-up code/)
  }
  rmSync(folder, { recursive: true, force: true })
})

test('a signed file on a labelled stick sets the node up; an unsigned one is refused with the reason', async () => {
  const folder = testFolder('stick')
  {
    const plain = join(folder, 'setup.json')
    writeFileSync(plain, JSON.stringify(setup))
    const unsigned = join(folder, 'holdfast-setup.p7s')
    writeFileSync(unsigned, JSON.stringify(setup))
    const bad = makeStick(join(folder, 'bad.img'), 'HOLDFAST', [unsigned])
    sign(plain, unsigned)
    makeStick(join(folder, 'good.img'), 'HOLDFAST', [unsigned])
    const disk = overlayOf(built('.raw'), join(folder, 'disk.qcow2'))
    await using vm = await Vm.start({ name: 'stick', folder, disk, sticks: [bad] })
    await vm.says(/SET-UP-REFUSED The file holdfast-setup\.p7s on the stick is not signed/, bootSeconds)
    await vm.says(/Set-up\s+refused: The file holdfast-setup\.p7s on the stick is not signed/, bootSeconds)
    await untilReady(vm, bootSeconds)
    expect(await wellKnown(vm)).toMatchObject({ setUp: false })
  }
  {
    // A machine that was started once has databases; the next one is new.
    const disk = overlayOf(built('.raw'), join(folder, 'second.qcow2'))
    await using vm = await Vm.start({ name: 'stick-2', folder, disk, sticks: [join(folder, 'good.img')] })
    await vm.says(/SET-UP Port of Kaldvik/, bootSeconds)
    await untilReady(vm, bootSeconds)
    expect(await wellKnown(vm)).toMatchObject({ setUp: true })
    await new CommandLine(vm, join(folder, 'client')).login(await authority(vm))
  }
  rmSync(folder, { recursive: true, force: true })
})
