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
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DebianMachine, until } from '../test/debian-machine.ts'
import { cacheFolder, must, pinnedNode, repoRoot } from '../test/programs.ts'

const data = '/var/lib/holdfast'
const password = 'correct horse battery staple 7'
let folder: string
let deb: string
let machine: DebianMachine

const holdfast = (...args: string[]) => machine.must(['holdfast', ...args])
const messages = () => holdfast('tail', 'traffic', '--since', '0', '--no-follow')
const installed = async () =>
  (await machine.must(['dpkg-query', '--status', 'holdfast'])).match(/^Version: (.*)$/m)?.[1]
const history = async () =>
  (await holdfast('update', 'history', '--json'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { phase: string; to: string; reason: string | null })
const serves = () =>
  until('the node serves', async () => {
    const health = ['runuser', '-u', 'holdfast', '--', 'holdfast', 'health', '--data', data]
    return (await machine.run(health)).code === 0
  })

/** A bundle, made here and put on the machine. */
async function release(version: string, ...flags: string[]): Promise<string> {
  const to = join(folder, 'releases')
  const maker = join(repoRoot, 'appliance/test/make-package-release.mjs')
  await must(['nice', pinnedNode, maker, version, to, '--deb', deb, ...flags])
  const name = `holdfast-${version}.raucb`
  copyFileSync(join(to, name), join(machine.root, 'root', name))
  rmSync(join(to, name))
  return `/root/${name}`
}
const onMachine = (path: string) => join(machine.root, path)
/** The mark is in the machine's memory. From it on the node is stopped, then dpkg works. */
const isOnTrial = async () => (await machine.run(['test', '-e', '/run/holdfast-update/trial'])).code === 0

beforeAll(async () => {
  mkdirSync(cacheFolder, { recursive: true })
  folder = mkdtempSync(join(cacheFolder, 'deb-update-'))
  const out = join(folder, 'out')
  const builder = join(repoRoot, 'scripts/appliance.mjs')
  await must(['nice', pinnedNode, builder, 'deb', '--out', out, '--work', join(folder, 'work')])
  deb = join(out, readdirSync(out)[0] ?? '')
  machine = await DebianMachine.install('trixie')
  copyFileSync(deb, onMachine('root/holdfast.deb'))
  await machine.boot()
  await machine.must(['dpkg', '--install', '/root/holdfast.deb'])
  await machine.must(['systemctl', 'stop', 'holdfast'])
  writeFileSync(onMachine('root/pw'), password, { mode: 0o600 })
  await machine.must(['install', '-o', 'holdfast', '-m', '600', '/root/pw', `${data}/pw`])
  const init = ['runuser', '-u', 'holdfast', '--', 'holdfast', 'init', '--data', data]
  const names = ['--facility', 'Port of Kaldvik', '--node', 'kaldvik-1', '--admin', 'ingrid']
  await machine.must([...init, ...names, '--admin-password-file', `${data}/pw`])
  await machine.must(['systemctl', 'enable', '--now', 'holdfast-443.socket'])
  await machine.must(['systemctl', 'start', 'holdfast'])
  await serves()
  const journal = await machine.must(['journalctl', '-u', 'holdfast', '-o', 'cat', '--no-pager'])
  const fingerprint = /CA fingerprint\s+(\S+)/.exec(journal)?.[1] ?? ''
  const login = ['--url', 'https://localhost:443', '--user', 'ingrid', '--password-file', '/root/pw']
  await holdfast('login', ...login, '--fingerprint', fingerprint)
  await holdfast('channel', 'create', 'traffic', '--kind', 'group')
  await holdfast('send', 'traffic', 'before every update')
})
afterAll(async () => {
  await machine?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

test('a good bundle is installed, tried and confirmed; nothing is lost, and the node is back on its port', async () => {
  const bundle = await release('0.2.0')
  expect(await holdfast('update', 'check', bundle)).toMatch(
    /signed by the vendor, whole\.\n.*machine: a package for/,
  )
  expect(await holdfast('update', 'install', bundle)).toBe('from 0.1.0 to 0.2.0, done\n')
  expect(await installed()).toBe('0.2.0')
  expect((await history()).map(({ phase }) => phase)).toEqual(['installed', 'trial', 'confirmed'])
  await serves()
  expect(await messages()).toContain('before every update')
  // The package that runs is kept as the next way back, and nothing else of the update.
  expect(readdirSync(onMachine('var/lib/holdfast-update')).toSorted()).toEqual([
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
  for (const name of ['cut', 'changed']) copyFileSync(onMachine(whole), onMachine(`root/${name}.raucb`))
  truncateSync(onMachine('root/cut.raucb'), 10_000_000)
  writeSync(openSync(onMachine('root/changed.raucb'), 'r+'), Buffer.from('x'), 0, 1, 5_000_000)
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
    rmSync(onMachine(bundle))
  }
  rmSync(onMachine(whole))
  expect(await installed()).toBe('0.2.0')
  await serves()
})

test('a version that does not serve is taken back by itself, with the package that was kept', async () => {
  const bundle = await release('0.3.0', '--broken')
  const { code, stdout } = await machine.run(['holdfast', 'update', 'install', bundle])
  expect(stdout).toMatch(/^0\.3\.0 was taken back: the service is failed/)
  expect(code).toBe(1)
  expect(await installed()).toBe('0.2.0')
  await serves()
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
    await serves()
    expect(await machine.must(['dpkg', '--audit'])).toBe('')
    const last = (await history()).at(-1)
    expect(await installed()).toBe(last?.phase === 'confirmed' ? '0.4.0' : '0.2.0')
    expect(await messages()).toContain('before every update')
    expect(existsSync(onMachine('var/lib/holdfast-update/program'))).toBe(false)
    if (last?.phase === 'confirmed') break
  }
})

test('an updater that is killed on the way is started again, and brings it to an end', async () => {
  const before = await installed()
  const bundle = await release('0.5.0')
  const asked = machine.run(['holdfast', 'update', 'install', bundle])
  await until('clients are kept out', isOnTrial)
  await machine.must(['systemctl', 'kill', '--signal=KILL', 'holdfast-update.service'])
  const { stdout } = await asked
  const last = (await history()).at(-1)
  expect(stdout).toMatch(
    last?.phase === 'confirmed' ? /^from .* to 0\.5\.0, done/ : /^0\.5\.0 was taken back/,
  )
  expect(await installed()).toBe(last?.phase === 'confirmed' ? '0.5.0' : before)
  await serves()
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
