import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
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

const refusal = (code: number, words: string) => ({ code, stdout: '', stderr: `holdfast: ${words}\n` })
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

test('regression: a file or folder that cannot be taken is refused in one line, with what to do', async () => {
  const folder = await holdfast(['update', 'unpack', workshop.folder, '--to', 'x', '--release-root', root])
  const instead = 'give the file of the bundle, holdfast-VERSION.raucb.'
  expect(folder).toMatchObject(refusal(1, `${workshop.folder} is a folder: ${instead}`))
  const file = workshop.path('vendor.key')
  const another = 'Give another folder with --to.'
  expect(await unpack('vendor.key', '--release-root', root)).toMatchObject(
    refusal(1, `${file} cannot be made: a file has its name. ${another}`),
  )
  expect(await unpack('vendor.key/out', '--release-root', root)).toMatchObject(
    refusal(1, `${file}/out cannot be made: a part of its path is a file. ${another}`),
  )
  const closed = workshop.path('closed')
  mkdirSync(closed)
  chmodSync(closed, 0o555)
  const args = ['update', 'unpack', bundle, '--to', closed, '--release-root', root]
  expect(await holdfast(args, { unprivileged: true })).toMatchObject(
    refusal(1, `${closed}/${image} cannot be made: this user may not write there. ${another}`),
  )
})

test('regression: a folder where the kernel takes none is refused, instead of tried for ever', async () => {
  const done = await holdfast(['update', 'unpack', bundle, '--to', '/proc/foo', '--release-root', root])
  expect(done.code).toBe(1)
  expect(done.stderr).toContain('/proc/foo cannot be made: the folder around it is not there, or takes no')
})

test('in a checkout the certificate of the vendor must be named, and be one', async () => {
  const unnamed = await unpack('none')
  expect([unnamed.code, unnamed.stderr]).toEqual([1, expect.stringContaining('with --release-root.')])
  const key = workshop.path('vendor.key')
  expect(await unpack('none', '--release-root', key)).toMatchObject(
    refusal(
      1,
      `--release-root ${key}: it is no certificate in PEM form. Give the certificate of the vendor, release-ca.pem.`,
    ),
  )
  const checked = await holdfast(['update', 'check', bundle])
  expect([checked.code, checked.stderr]).toEqual([
    1,
    expect.stringMatching(/^holdfast: A checkout .*holdfast update unpack FILE --to FOLDER --release-root/),
  ])
  const installed = await holdfast(['update', 'install', bundle])
  expect([installed.code, installed.stderr]).toEqual([
    1,
    expect.stringContaining('with holdfast update unpack'),
  ])
})

test('an engine gets an image, or the command line is wrong', async () => {
  const done = await unpack('none', '--release-root', root, '--kind', 'notes', '--load', 'docker')
  expect(done).toMatchObject(
    refusal(2, '--load loads the container image: add oci to --kind, or leave --load out.'),
  )
})
