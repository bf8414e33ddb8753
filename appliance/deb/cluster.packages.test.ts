/** Three Debian machines on a LAN become a cluster, and are updated one after the other while people write. */
import { spawn } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LoadProcess } from '../../apps/node/test/lab/load-process.ts'
import { verify } from '../../apps/node/test/lab/verify.ts'
import { DebianMachine, until } from '../test/debian-machine.ts'
import { Lan } from '../test/lan.ts'
import { cacheFolder, must, pinnedNode, repoRoot } from '../test/programs.ts'

const names = ['kaldvik-1', 'kaldvik-2', 'kaldvik-3'] as const
const data = '/var/lib/holdfast'
const password = 'correct horse battery staple 7'
let folder: string
let deb: string
let lan: Lan
const machines: DebianMachine[] = []

const first = () => machines[0] as DebianMachine
const holdfast = (...args: string[]) => first().must(['holdfast', ...args])
const addressOf = (n: number) => lan.hosts[n]?.address ?? ''
const spaceOf = (n: number) => (lan.hosts[n]?.network ?? '').slice('ns:'.length)
const journal = (machine: DebianMachine) =>
  machine.must(['journalctl', '-u', 'holdfast', '-o', 'cat', '--no-pager'])
const versions = () =>
  Promise.all(
    machines.map(
      async (machine) =>
        /^Version: (.*)$/m.exec(await machine.must(['dpkg-query', '--status', 'holdfast']))?.[1] ?? '',
    ),
  )
const whole = () =>
  until('every node takes part', async () => {
    const { code, stdout } = await first().run(['holdfast', 'cluster', 'status', '--json'])
    if (code !== 0) return false
    const { writable, voters, members } = JSON.parse(stdout)
    return writable && voters === 3 && members.every((member: { state: string }) => member.state === 'online')
  })

async function release(version: string, ...flags: string[]): Promise<string> {
  const to = join(folder, 'releases')
  const maker = join(repoRoot, 'appliance/test/make-package-release.mjs')
  await must(['nice', pinnedNode, maker, version, to, '--deb', deb, ...flags])
  const name = `holdfast-${version}.raucb`
  copyFileSync(join(to, name), join(first().root, 'root', name))
  rmSync(join(to, name))
  return `/root/${name}`
}

async function start(n: number): Promise<DebianMachine> {
  const machine = await DebianMachine.install('trixie')
  machines.push(machine)
  copyFileSync(deb, join(machine.root, 'root/holdfast.deb'))
  mkdirSync(join(machine.root, 'etc/default'), { recursive: true })
  writeFileSync(join(machine.root, 'etc/default/holdfast'), `HOLDFAST_CLUSTER_ADDRESS=${addressOf(n)}\n`)
  await machine.boot(spaceOf(n))
  await machine.must(['dpkg', '--install', '--force-confold', '/root/holdfast.deb'])
  return machine
}

beforeAll(async () => {
  mkdirSync(cacheFolder, { recursive: true })
  folder = mkdtempSync(join(cacheFolder, 'deb-cluster-'))
  const builder = join(repoRoot, 'scripts/appliance.mjs')
  const out = join(folder, 'out')
  await must(['nice', pinnedNode, builder, 'deb', '--out', out, '--work', join(folder, 'work')])
  deb = join(out, readdirSync(out)[0] ?? '')
  lan = await Lan.make([...names, 'clients'])
  for (const n of names.keys()) await start(n)
  await first().must(['systemctl', 'stop', 'holdfast'])
  writeFileSync(join(first().root, 'root/pw'), password, { mode: 0o600 })
  await first().must(['install', '-o', 'holdfast', '-m', '600', '/root/pw', `${data}/pw`])
  const init = ['runuser', '-u', 'holdfast', '--', 'holdfast', 'init', '--data', data]
  const facility = ['--facility', 'Port of Kaldvik', '--node', names[0], '--admin', 'ingrid']
  await first().must([...init, ...facility, '--admin-password-file', `${data}/pw`])
  await first().must(['systemctl', 'start', 'holdfast'])
  const fingerprint = /CA fingerprint\s+(\S+)/.exec(await journal(first()))?.[1] ?? ''
  const login = ['--url', `https://${addressOf(0)}:7443`, '--user', 'ingrid', '--password-file', '/root/pw']
  await holdfast('login', ...login, '--fingerprint', fingerprint)
  await holdfast('cluster', 'create')
  for (const n of [1, 2]) {
    const machine = machines[n] as DebianMachine
    const code = /Set-up code\s+(\S+)/.exec(await journal(machine))?.[1] ?? ''
    const add = [
      'holdfast',
      'cluster',
      'add',
      `${addressOf(n)}:7443`,
      '--node',
      names[n] ?? '',
      '--setup-code-file',
      '-',
    ]
    await until(
      `${names[n]} is added`,
      async () => (await first().run(add, { input: `${code}\n` })).code === 0,
    )
  }
  await whole()
})
afterAll(async () => {
  for (const machine of machines) await machine[Symbol.asyncDispose]()
  await lan?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

test('all three are updated while people write; no message is lost, doubled or refused for good', async () => {
  const bundle = await release('0.2.0')
  const clients = spaceOf(names.length).slice('/run/netns/'.length)
  const place = {
    folder,
    spawn: (_: unknown, [program = '', ...args]: readonly string[], options: object = {}) =>
      spawn('ip', ['netns', 'exec', clients, program, ...args], options),
  } as Parameters<typeof LoadProcess.prepare>[0]
  await using load = await LoadProcess.prepare(place, {
    ca:
      readFileSync(join(first().root, data, 'secrets/ca.pem'), 'utf8').match(
        /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/,
      )?.[0] ?? '',
    urls: names.map((_, n) => `https://${addressOf(n)}:7443`),
    admin: { name: 'ingrid', password },
    tag: 'update',
    writers: 6,
    channels: 2,
  })
  await load.start({ window: 4, messagesPerSecond: 60, bodyBytes: 100 })
  const startedAt = performance.now()
  expect(await holdfast('update', 'cluster', bundle)).toContain('Every node runs 0.2.0.\n')
  const seconds = (performance.now() - startedAt) / 1000
  await load.recovered()
  const { longestGapMs, p99Ms, refusals } = await load.phase()
  const record = await load.stop()
  const nodes = machines.map((machine, n) => ({ name: names[n] ?? '', dataDir: join(machine.root, data) }))
  const report = await verify({ nodes, record, running: true })
  console.log(
    `three machines in ${seconds.toFixed(0)} s: ${report.acknowledged} messages acknowledged, ${report.lost} lost, ${report.doubled} doubled, ${refusals} sent again, p99 ${p99Ms.toFixed(0)} ms, longest gap ${longestGapMs.toFixed(0)} ms`,
  )
  expect(report.faults).toEqual([])
  expect(report.ok).toBe(true)
  expect(report.acknowledged).toBeGreaterThan(500)
  expect(await versions()).toEqual(['0.2.0', '0.2.0', '0.2.0'])
  await whole()
})

test('a version that does not serve is tried on one machine only, which goes back by itself', async () => {
  const bundle = await release('0.3.0', '--broken')
  const { code, stdout } = await first().run(['holdfast', 'update', 'cluster', bundle])
  expect(stdout).toMatch(/Stopped after 0 of 3 nodes: kaldvik-\d: .*the service is failed/)
  expect(code).toBe(1)
  expect(await versions()).toEqual(['0.2.0', '0.2.0', '0.2.0'])
  await whole()
  const audit = await holdfast('audit', 'search', '--action', 'update.', '--json')
  for (const action of ['rollout-begun', 'rollout-asked', 'rollout-updated', 'rollout-failed', 'confirmed'])
    expect(audit).toContain(`update.${action}`)
})
