/** Two machines on a LAN: one is set up and becomes a cluster, the other joins it by itself. */
import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { built, root, testFolder } from './built.ts'
import { strayPackets } from './capture.ts'
import { authority, CommandLine, owner, untilReady, wellKnown } from './node-over-https.ts'
import { makeStick } from './sticks.ts'
import { overlayOf, Vm } from './vm.ts'
import { credential, invite } from './vm-cluster.ts'
import { VmLan } from './vm-lan.ts'

const bootSeconds = 900
const facility = 'Port of Kaldvik'

test('the credential of the hypervisor, then a signed stick, has machines join; a used code is refused', async () => {
  const folder = testFolder('join')
  {
    await using lan = await VmLan.make(2)
    const [first, second] = lan.plugs
    const disk = (name: string) => overlayOf(built('.raw'), join(folder, `${name}.qcow2`))
    await using one = await Vm.start({
      name: 'one',
      folder,
      plug: first!,
      disk: disk('one'),
      smbios: credential({
        facility,
        nodeName: 'kaldvik-1',
        owner: owner.name,
        password: owner.password,
        network: { address: first!.network },
      }),
    })
    await one.says(/SET-UP Port of Kaldvik/, bootSeconds)
    await untilReady(one, bootSeconds)
    const client = new CommandLine(one, join(folder, 'client'))
    await client.login(await authority(one))
    await client.run('cluster', 'create', '--address', first!.address)
    await one.says(/HEALTH-OK/, bootSeconds)
    const code = await invite(client)
    await client.run('channel', 'create', 'traffic', '--kind', 'group')
    await client.run('send', 'traffic', 'before the second node')

    // The cluster is away when the machine starts for the first time: it waits, and says for whom.
    await one.powerCut()
    const joining = { join: code, nodeName: 'kaldvik-2', network: { address: second!.network } }
    await using two = await Vm.start({
      name: 'two',
      folder,
      plug: second!,
      disk: disk('two'),
      smbios: credential(joining),
    })
    await two.says(/SET-UP-JOIN node kaldvik-2/, bootSeconds)
    await two.says(/JOIN-WAITS https:\/\/10\.0\.4\.15:443 cannot be reached/, bootSeconds)
    await two.says(/Set-up\s+waits: https:\/\/10\.0\.4\.15/, bootSeconds)
    expect(await wellKnown(two)).toMatchObject({ setUp: false })
    await one.powerOn({ smbios: [] })
    await two.says(/JOINED Port of Kaldvik, node kaldvik-2/, bootSeconds)
    await two.says(/Facility\s+Port of Kaldvik, node kaldvik-2/, bootSeconds)
    await untilReady(two, bootSeconds)
    const follower = new CommandLine(two, join(folder, 'follower'))
    await follower.login(await authority(two))
    await follower.run('send', 'traffic', 'through the second node')
    expect(await client.run('tail', 'traffic', '--since', '0', '--no-follow')).toContain(
      'through the second node',
    )
    expect(await follower.run('tail', 'traffic', '--since', '0', '--no-follow')).toContain(
      'before the second node',
    )
    expect(two.serial).not.toContain(code)

    // The same code once more, on a signed stick, in a machine that is new: it was used already.
    const plain = join(folder, 'setup.json')
    writeFileSync(plain, JSON.stringify({ ...joining, nodeName: 'kaldvik-3' }))
    const signed = join(folder, 'holdfast-setup.p7s')
    const sign = join(root, 'scripts/appliance.mjs')
    execFileSync(process.execPath, [sign, 'stick', plain, '--out', signed], { cwd: root, stdio: 'inherit' })
    await two.powerOn({
      disk: disk('three'),
      smbios: [],
      sticks: [makeStick(join(folder, 'stick.img'), 'HOLDFAST', [signed])],
    })
    await two.says(/JOIN-REFUSED The invitation was used already/, bootSeconds)
    await two.says(/Set-up\s+refused: The invitation was used already/, bootSeconds)
    await untilReady(two, bootSeconds)
    expect(await wellKnown(two)).toMatchObject({ setUp: false })
    expect(strayPackets([...one.packets, ...two.packets])).toEqual([])
  }
  rmSync(folder, { recursive: true, force: true })
})
