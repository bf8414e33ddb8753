import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { holdfast } from '../../test/node-process.ts'
import { BundleWorkshop } from '../appliance/bundle-fixture.ts'
import { debianArchitecture } from '../appliance/release.ts'

const image = `holdfast_0.2.0_${debianArchitecture}.oci.tar`
const chart = 'holdfast-chart-0.2.0.tgz'
let workshop: BundleWorkshop
let bundle: string
let root: string
let foreign: string

beforeAll(async () => {
  workshop = await BundleWorkshop.open()
  root = workshop.vendor('vendor')
  foreign = workshop.vendor('stranger')
  const files = {
    [image]: 'an image',
    [chart]: 'a chart',
    'release-notes.md': '# What is new',
    'holdfast-0.2.0.cdx.json': '{}',
  }
  bundle = workshop.bundle('0.2.0', { vendor: 'vendor', version: '0.2.0', files })
})
afterAll(async () => await workshop?.[Symbol.asyncDispose]())

const unpack = (to: string, ...flags: string[]) =>
  holdfast(['update', 'unpack', bundle, '--to', workshop.path(to), ...flags])

test('the container image comes out with its sum and the next steps; other parts when they are named', async () => {
  const done = await unpack('out', '--release-root', root)
  expect([done.code, done.stderr]).toEqual([0, ''])
  expect(done.stdout).toMatch(new RegExp(`^[0-9a-f]{64}  .*/out/${image}\n`))
  expect(done.stdout).toContain(`podman load -i ${workshop.path('out')}/${image}`)
  // The version lasts only in a file: a variable of the shell is gone at the next start.
  expect(done.stdout).toMatch(
    /^ {2}HOLDFAST_VERSION=0\.2\.0 +# this line into the file \.env .*\n {2}docker compose up -d /m,
  )
  expect(readFileSync(workshop.path(`out/${image}`), 'utf8')).toBe('an image')
  const parts = await unpack('parts', '--release-root', root, '--kind', 'sbom', 'notes', '--json')
  expect(
    parts.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).kind),
  ).toEqual(['sbom', 'notes'])
  expect(readdirSync(workshop.path('parts')).toSorted()).toEqual([
    'holdfast-0.2.0.cdx.json',
    'release-notes.md',
  ])
})

test('the chart comes out beside the image that it installs, with the step of Kubernetes', async () => {
  const done = await unpack('kubernetes', '--release-root', root, '--kind', 'oci', 'chart')
  expect([done.code, done.stderr]).toEqual([0, ''])
  expect(readdirSync(workshop.path('kubernetes')).toSorted()).toEqual([chart, image].toSorted())
  expect(readFileSync(workshop.path(`kubernetes/${chart}`), 'utf8')).toBe('a chart')
  expect(done.stdout).toContain(`  helm upgrade holdfast ${workshop.path('kubernetes')}/${chart} `)
  expect(done.stdout).not.toContain('docker compose')
})

test('nothing comes out of a bundle of somebody else, of a part that is not in it, or for a kind that is none', async () => {
  const untrusted = await unpack('none', '--release-root', foreign)
  expect([untrusted.code, untrusted.stderr]).toEqual([1, expect.stringContaining('not signed by the vendor')])
  const missing = await unpack('none', '--release-root', root, '--kind', 'deb')
  expect([missing.code, missing.stderr]).toEqual([
    1,
    expect.stringContaining('holds no deb for this machine'),
  ])
  const wrong = await unpack('none', '--release-root', root, '--kind', 'disk')
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('give some of oci, chart, deb')])
  expect(() => readdirSync(workshop.path('none'))).toThrow('ENOENT')
})
