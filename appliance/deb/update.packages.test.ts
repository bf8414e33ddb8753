/** One Debian machine with the package through the life of updates, each step from what the last one left. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DebianMachine, until } from '../test/debian-machine.ts'
import { buildPackage, PackagedNode } from '../test/packaged-node.ts'
import { cacheFolder } from '../test/programs.ts'

let folder: string
let deb: string
let node: PackagedNode
let machine: DebianMachine

const holdfast = (...args: string[]) => node.holdfast(...args)
const messages = () => holdfast('tail', 'traffic', '--since', '0', '--no-follow')
const history = async () =>
  (await holdfast('update', 'history', '--json'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { phase: string; to: string; reason: string | null })
/** A bundle, made here and put on the machine. */
const release = (version: string, ...flags: string[]) => node.takeBundle(version, { folder, deb }, ...flags)
/** The mark is in the machine's memory. From it on the node is stopped, then dpkg works. */
const isOnTrial = async () => (await machine.run(['test', '-e', '/run/holdfast-update/trial'])).code === 0

beforeAll(async () => {
  mkdirSync(cacheFolder, { recursive: true })
  folder = mkdtempSync(join(cacheFolder, 'deb-update-'))
  deb = await buildPackage(folder)
  node = await PackagedNode.boot('trixie', deb)
  machine = node.machine
  await node.install()
  await node.setUp('kaldvik-1')
  await node.startOnPort443()
  await node.serves()
  await node.login('https://localhost:443')
  await holdfast('channel', 'create', 'traffic', '--kind', 'group')
  await holdfast('send', 'traffic', 'before every update')
})
afterAll(async () => {
  await node?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

test('a good bundle is installed, tried and confirmed; nothing is lost, and the node is back on its port', async () => {
  const bundle = await release('0.2.0')
  expect(await holdfast('update', 'check', bundle)).toMatch(
    /signed by the vendor, whole\.\n.*machine: a package for/,
  )
  expect(await holdfast('update', 'install', bundle)).toBe('from 0.1.0 to 0.2.0, done\n')
  expect(await node.installed()).toBe('0.2.0')
  expect((await history()).map(({ phase }) => phase)).toEqual(['installed', 'trial', 'confirmed'])
  await node.serves()
  expect(await messages()).toContain('before every update')
  // The package that runs is kept as the next way back, and nothing else of the update.
  expect(readdirSync(node.path('var/lib/holdfast-update')).toSorted()).toEqual([
    'history.jsonl',
    expect.stringMatching(/^holdfast_0\.2\.0_.*\.deb$/),
    'state.json',
  ])
  await machine.must(['systemctl', 'is-active', 'holdfast-443.socket', 'holdfast-update.path'])
  await machine.must(['dpkg', '--audit'])
})

test('older, foreign, cut and changed bundles are refused with the reason, and nothing changes', async () => {
  const older = await release('0.1.5')
  const foreign = await release('0.5.0', '--vendor', join(folder, 'stranger'))
  const far = await release('2.0.0', '--min-version', '1.0.0')
  const whole = await release('0.6.0')
  for (const name of ['cut', 'changed']) copyFileSync(node.path(whole), node.path(`root/${name}.raucb`))
  truncateSync(node.path('root/cut.raucb'), 10_000_000)
  writeSync(openSync(node.path('root/changed.raucb'), 'r+'), Buffer.from('x'), 0, 1, 5_000_000)
  for (const [bundle, reason] of [
    [older, 'Version 0.1.5 is older than 0.2.0'],
    [foreign, 'is not signed by the vendor'],
    [far, 'needs 1.0.0 or newer before it'],
    ['/root/cut.raucb', 'is not whole'],
    ['/root/changed.raucb', 'is damaged or was changed'],
  ] as const) {
    const { code, stdout } = await machine.run(['holdfast', 'update', 'install', bundle])
    expect(stdout).toContain(reason)
    expect(code).toBe(1)
    expect((await history()).at(-1)).toMatchObject({
      phase: 'refused',
      reason: expect.stringContaining(reason),
    })
    rmSync(node.path(bundle))
  }
  rmSync(node.path(whole))
  expect(await node.installed()).toBe('0.2.0')
  await node.serves()
})

test('a version that does not serve is taken back by itself, with the package that was kept', async () => {
  const bundle = await release('0.3.0', '--broken')
  const { code, stdout } = await machine.run(['holdfast', 'update', 'install', bundle])
  expect(stdout).toMatch(/^0\.3\.0 was taken back: the service is failed/)
  expect(code).toBe(1)
  expect(await node.installed()).toBe('0.2.0')
  await node.serves()
  expect(await messages()).toContain('before every update')
  const again = await machine.run(['holdfast', 'update', 'install', bundle])
  expect(again.stdout).toContain('was taken back before')
})

test('a machine that stops in the middle is settled at its start: the old version or the new one, whole', async () => {
  const bundle = await release('0.4.0')
  const moments: [string, () => Promise<boolean>][] = [
    ['dpkg', isOnTrial],
    ['the trial', async () => (await history()).at(-1)?.phase === 'trial'],
  ]
  for (const [what, reached] of moments) {
    await machine.must([
      'systemd-run',
      '--quiet',
      '--no-block',
      'holdfast',
      'update',
      'install',
      bundle,
      '--again',
    ])
    await until(`the update reaches ${what}`, reached)
    await machine.kill()
    await machine.boot()
    await until('the update is settled', async () => {
      const last = (await history()).at(-1)?.phase
      return last === 'confirmed' || last === 'rolled-back'
    })
    await node.serves()
    expect(await machine.must(['dpkg', '--audit'])).toBe('')
    const last = (await history()).at(-1)
    expect(await node.installed()).toBe(last?.phase === 'confirmed' ? '0.4.0' : '0.2.0')
    expect(await messages()).toContain('before every update')
    expect(existsSync(node.path('var/lib/holdfast-update/program'))).toBe(false)
    if (last?.phase === 'confirmed') break
  }
})

test('an updater that is killed on the way is started again, and brings it to an end', async () => {
  const before = await node.installed()
  const bundle = await release('0.5.0')
  const asked = machine.run(['holdfast', 'update', 'install', bundle])
  await until('clients are kept out', isOnTrial)
  await machine.must(['systemctl', 'kill', '--signal=KILL', 'holdfast-update.service'])
  const { stdout } = await asked
  const last = (await history()).at(-1)
  expect(stdout).toMatch(
    last?.phase === 'confirmed' ? /^from .* to 0\.5\.0, done/ : /^0\.5\.0 was taken back/,
  )
  expect(await node.installed()).toBe(last?.phase === 'confirmed' ? '0.5.0' : before)
  await node.serves()
  await machine.must(['systemctl', 'is-active', 'holdfast-443.socket'])
  expect(await machine.must(['dpkg', '--audit'])).toBe('')
  expect(await messages()).toContain('before every update')
})

test('everything that happened to updates stands in the audit log', async () => {
  const actions = async () => await holdfast('audit', 'search', '--action', 'update.', '--json')
  await until('the audit log has caught up', async () => (await actions()).includes('update.rolled-back'))
  const text = await actions()
  for (const action of ['installed', 'trial', 'confirmed', 'refused', 'rolled-back'])
    expect(text).toContain(`update.${action}`)
  expect(text).toContain('is not signed by the vendor')
})
