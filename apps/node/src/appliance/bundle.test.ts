import { lstatSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BundleContents, extractArtefact, readBundle, releaseNotes } from './bundle.ts'
import type { BundleFault } from './bundle-errors.ts'
import { BundleWorkshop } from './bundle-fixture.ts'

let workshop: BundleWorkshop
let root: string
let good: string

beforeAll(async () => {
  workshop = await BundleWorkshop.open()
  root = workshop.vendor('vendor')
  workshop.vendor('stranger')
  good = workshop.bundle('good', {
    vendor: 'vendor',
    version: '0.2.0',
    files: { 'rootfs.img': 'x'.repeat(300_000) },
  })
})
afterAll(async () => {
  await workshop[Symbol.asyncDispose]()
})

const read = (file: string) => readBundle(file, root)

async function faultOf(file: string): Promise<BundleFault | null> {
  return await read(file).then(
    () => null,
    (error) => error.fault,
  )
}

test('a whole bundle of the vendor is read', async () => {
  const bundle = await read(good)
  expect(bundle).toMatchObject({
    version: '0.2.0',
    compatible: 'holdfast-x86_64',
    contents: { minVersion: '0.1.0' },
  })
  expect(bundle.id).toMatch(/^[0-9a-f]{64}$/)
})

test('its parts and notes are taken out, and a part that is not what the list says is refused', async () => {
  const files = { 'rootfs.img': 'x'.repeat(300_000), 'release-notes.md': '# What is new' }
  const bundle = await read(workshop.bundle('parts', { vendor: 'vendor', version: '0.2.0', files }))
  expect(await releaseNotes(bundle)).toBe('# What is new')
  const [image] = bundle.contents.artefacts
  if (image === undefined) throw new Error('the bundle lists no image')
  await extractArtefact(bundle, image, workshop.path('taken'))
  expect(readFileSync(workshop.path('taken'), 'utf8')).toBe(files['rootfs.img'])
  const other = { ...image, sha256: '0'.repeat(64) }
  await expect(extractArtefact(bundle, other, workshop.path('taken'))).rejects.toMatchObject({
    fault: 'altered',
  })
})

test('regression: a part of a kind that only later versions know is passed over, not the whole bundle refused', async () => {
  const part = (name: string, kind: string) => ({ name, kind, arch: null, bytes: 1, sha256: '0'.repeat(64) })
  const artefacts = [part('rootfs.img', 'image'), part('holdfast.flatpak', 'flatpak'), part('a.md', 'notes')]
  const contents = { artefacts } as Partial<BundleContents>
  const file = workshop.bundle('later', { vendor: 'vendor', version: '0.2.0', contents })
  const bundle = await read(file)
  expect(bundle.contents.artefacts.map(({ kind }) => kind)).toEqual(['image', 'notes'])
})

test('regression: a link that waits where a part goes is not followed', async () => {
  const files = { 'rootfs.img': 'an image', 'release-notes.md': '# What is new' }
  const bundle = await read(workshop.bundle('linked', { vendor: 'vendor', version: '0.2.0', files }))
  const [image] = bundle.contents.artefacts
  if (image === undefined) throw new Error('the bundle lists no image')
  writeFileSync(workshop.path('precious'), 'of somebody else')
  symlinkSync(workshop.path('precious'), workshop.path('rootfs.img.half'))
  await extractArtefact(bundle, image, workshop.path('rootfs.img.half'))
  expect(readFileSync(workshop.path('precious'), 'utf8')).toBe('of somebody else')
  expect(lstatSync(workshop.path('rootfs.img.half')).isFile()).toBe(true)
  expect(readFileSync(workshop.path('rootfs.img.half'), 'utf8')).toBe('an image')
})

test('nothing is taken out of what was put in its place after the check', async () => {
  const bundleOf = (name: string, notes: string) =>
    workshop.bundle(name, {
      vendor: 'vendor',
      version: '0.2.0',
      files: { 'rootfs.img': notes, 'release-notes.md': notes },
    })
  const file = bundleOf('checked', '# What is new')
  const bundle = await read(file)
  writeFileSync(file, readFileSync(bundleOf('in-its-place', '# Something else')))
  const altered = { fault: 'altered', message: expect.stringContaining('do not match its signature') }
  await expect(releaseNotes(bundle)).rejects.toMatchObject(altered)
  const [image] = bundle.contents.artefacts
  if (image === undefined) throw new Error('the bundle lists no image')
  await expect(extractArtefact(bundle, image, workshop.path('taken'))).rejects.toMatchObject(altered)
})

test.each([
  ['missing', () => workshop.path('nowhere.pem'), 'there is no such file'],
  ['a folder', () => workshop.folder, 'it is a folder'],
  ['something else', () => workshop.path('vendor.key'), 'it is no certificate in PEM form'],
])(
  'an installation whose certificate of its vendor is %s trusts no bundle, and says so',
  async (_, file, why) => {
    await expect(readBundle(good, file())).rejects.toMatchObject({
      fault: 'no-release-root',
      message: expect.stringContaining(`(${file()}: ${why})`),
    })
  },
)

test('a bundle signed by somebody else is refused, and the reason says so', async () => {
  const file = workshop.bundle('foreign', { vendor: 'stranger', version: '0.2.0' })
  await expect(read(file)).rejects.toThrow(
    `The bundle ${file} is not signed by the vendor of this installation.`,
  )
  expect(await faultOf(file)).toBe('foreign-signature')
})

test('a bundle that ends anywhere before its end is refused', async () => {
  const whole = readFileSync(good)
  const file = workshop.path('cut.raucb')
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: whole.length - 1 }), async (length) => {
      writeFileSync(file, whole)
      truncateSync(file, length)
      expect(['truncated', 'not-a-bundle']).toContain(await faultOf(file))
    }),
    { numRuns: 60 },
  )
})

test('a bundle with any one byte of its payload or tree changed is refused', async () => {
  const whole = readFileSync(good)
  const signatureBytes = Number(whole.readBigUInt64BE(whole.length - 8)) + 8
  const file = workshop.path('changed.raucb')
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: whole.length - signatureBytes - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, mask) => {
        const changed = Buffer.from(whole)
        changed[at]! ^= mask
        writeFileSync(file, changed)
        expect(['altered', 'not-a-bundle']).toContain(await faultOf(file))
      },
    ),
    { numRuns: 60 },
  )
})

test('a byte changed in the envelope of the signature is refused, or changes nothing that is signed', async () => {
  const whole = readFileSync(good)
  const original = await read(good)
  const signatureBytes = Number(whole.readBigUInt64BE(whole.length - 8)) + 8
  const file = workshop.path('envelope.raucb')
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: whole.length - signatureBytes, max: whole.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, mask) => {
        const changed = Buffer.from(whole)
        changed[at]! ^= mask
        writeFileSync(file, changed)
        const outcome = await read(file).catch((error) => error.fault)
        if (typeof outcome === 'object') expect(outcome).toEqual({ ...original, file })
        else expect(['truncated', 'foreign-signature', 'altered', 'not-a-bundle']).toContain(outcome)
      },
    ),
    { numRuns: 300 },
  )
})

test('the payload of one bundle under the signature of another is refused', async () => {
  const other = readFileSync(
    workshop.bundle('other', {
      vendor: 'vendor',
      version: '0.3.0',
      files: { 'rootfs.img': 'y'.repeat(300_000) },
    }),
  )
  const whole = readFileSync(good)
  const signatureBytes = Number(whole.readBigUInt64BE(whole.length - 8)) + 8
  const otherSignature = Number(other.readBigUInt64BE(other.length - 8)) + 8
  const file = workshop.path('swapped.raucb')
  writeFileSync(
    file,
    Buffer.concat([
      whole.subarray(0, whole.length - signatureBytes),
      other.subarray(other.length - otherSignature),
    ]),
  )
  expect(await faultOf(file)).toBe('altered')
})

test('contents of another version than the manifest are refused', async () => {
  const file = workshop.bundle('two-versions', {
    vendor: 'vendor',
    version: '0.2.0',
    contents: { version: '0.3.0' },
  })
  expect(await faultOf(file)).toBe('altered')
})

test.each([
  ['no file', () => workshop.path('none'), 'unreadable', 'there is no such file'],
  ['a path through a file', () => `${good}/none`, 'unreadable', 'a part of its path is a file'],
  ['a folder', () => workshop.folder, 'unreadable', 'is a folder: give the file of the bundle'],
  ['a device', () => '/dev/null', 'unreadable', 'is no file: give the file of the bundle'],
  ['something else', () => '/bin/true', 'not-a-bundle', 'is not an update bundle'],
])('%s is refused, in words', async (_, file, fault, words) => {
  await expect(read(file())).rejects.toMatchObject({ fault, message: expect.stringContaining(words) })
})
