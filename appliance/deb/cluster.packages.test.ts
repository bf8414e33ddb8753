/** Three Debian machines on a LAN become a cluster, and are updated one after the other while people write. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LoadProcess } from '../../apps/node/test/lab/load-process.ts'
import { verify } from '../../apps/node/test/lab/verify.ts'
import { until } from '../test/debian-machine.ts'
import { Lan } from '../test/lan.ts'
import { buildPackage, data, PackagedNode, password } from '../test/packaged-node.ts'
import { cacheFolder } from '../test/programs.ts'

const names = ['kaldvik-1', 'kaldvik-2', 'kaldvik-3'] as const
let folder: string
let deb: string
let lan: Lan
const nodes: PackagedNode[] = []

const first = () => nodes[0] as PackagedNode
const holdfast = (...args: string[]) => first().holdfast(...args)
const addressOf = (n: number) => lan.hosts[n]?.address ?? ''
const spaceOf = (n: number) => (lan.hosts[n]?.network ?? '').slice('ns:'.length)
const versions = () => Promise.all(nodes.map((node) => node.installed()))
const whole = () =>
  until('every node takes part', async () => {
    const { code, stdout } = await first().machine.run(['holdfast', 'cluster', 'status', '--json'])
    if (code !== 0) return false
    const { writable, voters, members } = JSON.parse(stdout)
    return writable && voters === 3 && members.every((member: { state: string }) => member.state === 'online')
  })
const release = (version: string, ...flags: string[]) =>
  first().takeBundle(version, { folder, deb }, ...flags)

beforeAll(async () => {
  mkdirSync(cacheFolder, { recursive: true })
  folder = mkdtempSync(join(cacheFolder, 'deb-cluster-'))
  deb = await buildPackage(folder)
  lan = await Lan.make([...names, 'clients'])
  for (const n of names.keys()) {
    const settings = `HOLDFAST_CLUSTER_ADDRESS=${addressOf(n)}\n`
    const node = await PackagedNode.boot('trixie', deb, { network: spaceOf(n), settings })
    nodes.push(node)
    await node.install()
  }
  await first().setUp(names[0])
  await first().machine.must(['systemctl', 'start', 'holdfast'])
  await first().login(`https://${addressOf(0)}:7443`)
  await holdfast('cluster', 'create')
  for (const n of [1, 2]) {
    const code = await (nodes[n] as PackagedNode).journalLine(/Set-up code\s+(\S+)/)
    const where = [`${addressOf(n)}:7443`, '--node', names[n] ?? '', '--setup-code-file', '-']
    await until(
      `${names[n]} is added`,
      async () =>
        (await first().machine.run(['holdfast', 'cluster', 'add', ...where], { input: `${code}\n` })).code ===
        0,
    )
  }
  await whole()
})
afterAll(async () => {
  for (const node of nodes) await node[Symbol.asyncDispose]()
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
      readFileSync(first().path(`${data}/secrets/ca.pem`), 'utf8').match(
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
  const folders = nodes.map((node, n) => ({ name: names[n] ?? '', dataDir: node.path(data) }))
  const report = await verify({ nodes: folders, record, running: true })
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
  const { code, stdout } = await first().machine.run(['holdfast', 'update', 'cluster', bundle])
  expect(stdout).toMatch(/Stopped after 0 of 3 nodes: kaldvik-\d: .*the service is failed/)
  expect(code).toBe(1)
  expect(await versions()).toEqual(['0.2.0', '0.2.0', '0.2.0'])
  await whole()
  const audit = await holdfast('audit', 'search', '--action', 'update.', '--json')
  for (const action of ['rollout-begun', 'rollout-asked', 'rollout-updated', 'rollout-failed', 'confirmed'])
    expect(audit).toContain(`update.${action}`)
})
