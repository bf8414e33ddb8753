/** One machine through the life of updates: good, refused, broken, cut off. Each step starts from what the last one left. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { built, root, testFolder } from './built.ts'
import { CommandLine, readConsole, setUp, untilReady, wellKnown } from './node-over-https.ts'
import { makeStick } from './sticks.ts'
import { overlayOf, Vm } from './vm.ts'

/** Emulated machines on two busy cores. */
const bootSeconds = 900
const installSeconds = 900

let folder: string
let vm: Vm
let client: CommandLine

const release = (version: string, ...flags: string[]) => {
  const maker = join(root, 'appliance/test/make-release.mjs')
  const to = join(folder, 'releases')
  execFileSync(process.execPath, [maker, version, to, ...flags], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return join(to, `holdfast-${version}.raucb`)
}
const stick = (name: string, ...bundles: string[]) =>
  makeStick(join(folder, `${name}.img`), 'HF-UPDATE', bundles)

async function messages(): Promise<string> {
  return await client.run('tail', 'traffic', '--since', '0', '--no-follow')
}

beforeAll(async () => {
  folder = testFolder('update')
  vm = await Vm.start({ name: 'update', folder, disk: overlayOf(built('.raw'), join(folder, 'disk.qcow2')) })
  const seen = await readConsole(vm, bootSeconds)
  await untilReady(vm, bootSeconds)
  const ca = await setUp(vm, seen)
  client = new CommandLine(vm, join(folder, 'client'))
  await client.login(ca)
  await client.run('channel', 'create', 'traffic', '--kind', 'group')
  await client.run('send', 'traffic', 'before every update')
  await vm.says(/HEALTH-OK slot A/, bootSeconds)
})
afterAll(async () => {
  await vm?.[Symbol.asyncDispose]()
})

test('a good bundle on a stick is installed, tried, confirmed, and everything is still there', async () => {
  const started = performance.now()
  await vm.powerOn({ sticks: [stick('good', release('0.2.0'))] })
  await vm.says(/UPDATE-INSTALL 0\.1\.0 to 0\.2\.0/, bootSeconds)
  const asked = performance.now()
  await vm.says(/UPDATE-INSTALLED 0\.2\.0 in slot B/, installSeconds)
  await vm.says(/UPDATE-TRIAL 0\.1\.0 to 0\.2\.0 in slot B/, bootSeconds)
  await vm.says(/UPDATE-CONFIRMED 0\.1\.0 to 0\.2\.0/, bootSeconds)
  console.log(
    `update: ${((performance.now() - asked) / 1000).toFixed(0)} s from reading to confirmed, ${((performance.now() - started) / 1000).toFixed(0)} s with the start before`,
  )
  await untilReady(vm, bootSeconds)
  expect(await wellKnown(vm)).toMatchObject({ setUp: true })
  expect(await messages()).toContain('before every update')
  expect(vm.serial).toMatch(/Holdfast 0\.2\.0, slot B/)
  // The stick is still in: the same version is passed over, not refused and not installed again.
  await vm.says(/UPDATE-PASSED holdfast-0\.2\.0\.raucb/, bootSeconds)
})

test('older, foreign, cut and changed bundles are refused with the reason', async () => {
  const older = release('0.1.5')
  const foreign = release('0.5.0', '--vendor', join(folder, 'stranger'))
  const whole = release('0.6.0')
  const cut = join(folder, 'holdfast-cut.raucb')
  copyFileSync(whole, cut)
  truncateSync(cut, 100_000_000)
  const changed = join(folder, 'holdfast-changed.raucb')
  copyFileSync(whole, changed)
  writeSync(openSync(changed, 'r+'), Buffer.from('x'), 0, 1, 50_000_000)
  rmSync(whole)
  for (const [bundle, reason] of [
    [older, /UPDATE-REFUSED Version 0\.1\.5 is older than 0\.2\.0/],
    [foreign, /UPDATE-REFUSED .* is not signed by the vendor/],
    [cut, /UPDATE-REFUSED .* is not whole/],
    [changed, /UPDATE-REFUSED .* is damaged or was changed/],
  ] as const) {
    await vm.powerOn({ sticks: [stick('refused', bundle)] })
    await vm.says(reason, bootSeconds)
    rmSync(bundle)
  }
  await untilReady(vm, bootSeconds)
  expect(vm.serial).not.toMatch(/UPDATE-INSTALLED 0\.[1-9]\.[1-9]/)
})

test('a version that does not serve is taken back by itself, and no client met it', async () => {
  await vm.powerOn({ sticks: [stick('broken', release('0.3.0', '--broken'))] })
  await vm.says(/UPDATE-INSTALLED 0\.3\.0 in slot A/, bootSeconds + installSeconds)
  await vm.says(/UPDATE-TRIAL 0\.2\.0 to 0\.3\.0 in slot A/, bootSeconds)
  await vm.says(/HEALTH-FAILED slot A: .*going back to 0\.2\.0/, bootSeconds)
  await vm.says(/UPDATE-ROLLED-BACK 0\.3\.0 to 0\.2\.0/, bootSeconds)
  await vm.says(/HEALTH-OK slot B/, bootSeconds)
  expect(await messages()).toContain('before every update')
  // The stick is still in.
  await vm.says(/UPDATE-PASSED holdfast-0\.3\.0\.raucb/, bootSeconds)
})

test('the plug pulled at any moment of an update leaves a version that serves, with every message', async () => {
  const bundle = release('0.4.0')
  const image = stick('cut', bundle)
  for (const delay of [5, 20, 60]) {
    await vm.powerOn({ sticks: [image] })
    await vm.says(/UPDATE-(INSTALL|PASSED|REFUSED) /, bootSeconds)
    const cutAfterMs = Math.round(delay * 1000 * Math.random())
    console.log(`power cut ${cutAfterMs} ms after the update began`)
    await sleep(cutAfterMs)
    await vm.powerCut()
  }
  // The last one in the middle of the trial of what those left, when they left it to be tried.
  await vm.powerOn({ sticks: [image] })
  await vm.says(/UPDATE-(TRIAL|PASSED|REFUSED) /, bootSeconds + installSeconds)
  await vm.powerCut()
  await vm.powerOn({ sticks: [] })
  await untilReady(vm, bootSeconds)
  await vm.says(/HEALTH-OK slot [AB]/, bootSeconds)
  expect(await messages()).toContain('before every update')
  const audited = await client.run('audit', 'search', '--action', 'update.', '--json')
  for (const action of ['installed', 'trial', 'confirmed', 'refused', 'rolled-back'])
    expect(audited).toContain(`"update.${action}"`)
  rmSync(folder, { recursive: true, force: true })
})
