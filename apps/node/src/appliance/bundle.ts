/**
 * A bundle: the one signed file of an update. It is RAUC's verity format (RAUC manual, "Bundle Formats"):
 *
 *   payload (a squashfs)  ·  hash tree of dm-verity  ·  CMS message (RFC 5652) with the manifest  ·  its size, 8 bytes
 *
 * The signature covers the manifest, the manifest the root of the tree, the tree every block of the payload. All of it is
 * checked here before anything is written, on every kind of machine; RAUC and the kernel check it again. What is taken out
 * afterwards is compared with the tree block by block, because whoever owns the file could change it after the check.
 */
import { createHash, X509Certificate } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { open, readFile } from 'node:fs/promises'
import * as z from 'zod'
import { BundleError } from './bundle-errors.ts'
import { noCertificateBecause, openBundle } from './bundle-file.ts'
import { SignatureError, verifiedContent } from './cms.ts'
import { Squashfs, SquashfsError } from './squashfs.ts'
import { blockBytes, CheckedBlocks, VerityTree } from './verity.ts'
import { isVersion } from './versions.ts'

/** A manifest with certificates is some kilobytes. */
const maxSignatureBytes = 1024 * 1024
const sizeBytes = 8
const readBytes = 256 * blockBytes
const squashfsMagic = 'hsqs'
const contentsFile = 'holdfast.json'
const maxContentsBytes = 256 * 1024
const maxNotesBytes = 256 * 1024

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+~-]{0,120}$/)
const version = z.string().refine(isVersion, 'it is no version')

const kinds = ['image', 'deb', 'oci', 'chart', 'sbom', 'notes'] as const
type Kind = (typeof kinds)[number]

/** Parts of kinds that only later versions know are passed over: a bundle of theirs must be readable here. */
const known = <T extends { kind: string }>(part: T): part is T & { kind: Kind } =>
  kinds.some((kind) => kind === part.kind)

/** `holdfast.json` inside the payload: what the bundle brings. */
export const contentsSchema = z.object({
  version,
  date: z.string().max(40),
  /** The oldest version that may be updated to this one in one step. */
  minVersion: version,
  /** Migrations that the version knows, by database. */
  migrations: z.record(z.string(), z.array(z.string().max(120)).max(1000)),
  artefacts: z
    .array(
      z.object({
        name,
        kind: z.string().max(20),
        arch: z.string().max(20).nullable(),
        bytes: z.int().min(0),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .max(50)
    .transform((parts) => parts.filter(known)),
})
export type BundleContents = z.infer<typeof contentsSchema>

export interface Bundle {
  file: string
  /** SHA-256 of the manifest, which names every byte of the payload: names this very bundle. */
  id: string
  /** Kind of machine that it is for. */
  compatible: string
  version: string
  contents: BundleContents
  /** Of the payload that was checked. */
  tree: VerityTree
}

/**
 * Reads and checks a bundle whole.
 * @param releaseRoot file with the certificate of the release root
 * @param shownAs how messages call the file
 * @throws BundleError `unreadable`, `not-a-bundle`, `truncated`, `no-release-root`, `foreign-signature`, `altered`
 */
export async function readBundle(file: string, releaseRoot: string, shownAs: string = file): Promise<Bundle> {
  const handle = await openBundle(file)
  try {
    const signature = await readSignature(handle, shownAs)
    const text = await verifiedManifest(signature.der, shownAs, releaseRoot)
    const manifest = parseManifest(text, shownAs)
    const tree = await checkPayload(handle, shownAs, signature.start, manifest)
    const contents = await readContents(handle, shownAs, tree)
    if (contents.version !== manifest.version)
      throw new BundleError(
        'altered',
        `The bundle ${shownAs} names two versions; take the file from the vendor again.`,
      )
    return {
      file,
      id: idOf(text),
      compatible: manifest.compatible,
      version: manifest.version,
      contents,
      tree,
    }
  } finally {
    await handle.close()
  }
}

/**
 * Who a bundle says that it is, by its signed manifest alone: quick, and nothing of the payload is looked at.
 * @throws BundleError as `readBundle`
 */
export async function identifyBundle(
  file: string,
  releaseRoot: string,
): Promise<Pick<Bundle, 'id' | 'version'>> {
  await using handle = await openBundle(file)
  const text = await verifiedManifest((await readSignature(handle, file)).der, file, releaseRoot)
  return { id: idOf(text), version: parseManifest(text, file).version }
}

const idOf = (manifest: string) => createHash('sha256').update(manifest).digest('hex')

async function readSignature(handle: FileHandle, file: string): Promise<{ der: Buffer; start: number }> {
  const { size } = await handle.stat()
  const head = await readAt(handle, 0, squashfsMagic.length)
  if (head.toString('latin1') !== squashfsMagic)
    throw new BundleError('not-a-bundle', `${file} is not an update bundle of Holdfast.`)
  const truncated = new BundleError(
    'truncated',
    `The bundle ${file} is not whole: it ends too early. Copy it again, and compare its size and SHA-256 with the vendor's.`,
  )
  if (size < blockBytes + sizeBytes) throw truncated
  const bytes = (await readAt(handle, size - sizeBytes, sizeBytes)).readBigUInt64BE()
  if (bytes === 0n || bytes > BigInt(maxSignatureBytes) || bytes > BigInt(size - sizeBytes)) throw truncated
  const start = size - sizeBytes - Number(bytes)
  const der = await readAt(handle, start, Number(bytes))
  // A CMS message is a SEQUENCE whose length, in two bytes or more, fills the place (ITU-T X.690, 8.1.3).
  if (der[0] !== 0x30 || start % blockBytes !== 0) throw truncated
  return { der, start }
}

async function verifiedManifest(der: Buffer, file: string, releaseRoot: string): Promise<string> {
  const root = await rootCertificate(releaseRoot)
  try {
    return verifiedContent(der, root).toString('utf8')
  } catch (error) {
    if (!(error instanceof SignatureError)) throw error
    throw new BundleError(
      'foreign-signature',
      `The bundle ${file} is not signed by the vendor of this installation. Do not install it; ask where it came from.`,
      { cause: error },
    )
  }
}

/** @throws BundleError `no-release-root` */
async function rootCertificate(file: string): Promise<string> {
  try {
    const text = await readFile(file, 'utf8')
    new X509Certificate(text)
    return text
  } catch (cause) {
    throw new BundleError(
      'no-release-root',
      `This installation has no certificate of its vendor (${file}: ${noCertificateBecause(cause)}), so that no bundle can be trusted: install the package or image anew.`,
      { cause },
    )
  }
}

interface Manifest {
  compatible: string
  version: string
  root: Buffer
  salt: Buffer
  treeBytes: number
}

/** The manifest is a key file: sections in brackets, `key=value` lines. */
function parseManifest(text: string, file: string): Manifest {
  const values = new Map<string, string>()
  let section = ''
  for (const line of text.split(/\r?\n/)) {
    const heading = /^\[(.+)\]$/.exec(line)
    if (heading) section = heading[1]!
    const pair = /^([a-z-]+)=(.*)$/.exec(line)
    if (pair) values.set(`${section}.${pair[1]}`, pair[2]!)
  }
  const text1 = (key: string) => values.get(key) ?? ''
  const hex = (key: string) => Buffer.from(text1(key), 'hex')
  const manifest = {
    compatible: text1('update.compatible'),
    version: text1('update.version'),
    root: hex('bundle.verity-hash'),
    salt: hex('bundle.verity-salt'),
    treeBytes: Number(text1('bundle.verity-size')),
  }
  const good =
    text1('bundle.format') === 'verity' &&
    isVersion(manifest.version) &&
    manifest.root.length === 32 &&
    Number.isInteger(manifest.treeBytes) &&
    manifest.treeBytes > 0
  if (!good)
    throw new BundleError('not-a-bundle', `The manifest of the bundle ${file} is not one of Holdfast's.`)
  return manifest
}

async function checkPayload(
  handle: FileHandle,
  file: string,
  end: number,
  manifest: Manifest,
): Promise<VerityTree> {
  const payloadBytes = end - manifest.treeBytes
  if (payloadBytes <= 0 || payloadBytes % blockBytes !== 0) throw altered(file)
  const tree = new VerityTree(manifest.salt)
  for (let at = 0; at < payloadBytes; at += readBytes)
    tree.add(await readAt(handle, at, Math.min(readBytes, payloadBytes - at)))
  const made = tree.finish()
  if (!made.root.equals(manifest.root)) throw altered(file)
  if (made.tree.length !== manifest.treeBytes) throw altered(file)
  if (!made.tree.equals(await readAt(handle, payloadBytes, manifest.treeBytes))) throw altered(file)
  return tree
}

const altered = (file: string) =>
  new BundleError(
    'altered',
    `The bundle ${file} is damaged or was changed: its contents do not match its signature. Copy it again from the vendor.`,
  )

/** The files of a bundle, of nothing but the blocks that were checked. @throws SquashfsError, BundleError `altered` */
const payload = ({ handle, file, tree }: { handle: FileHandle; file: string; tree: VerityTree }) =>
  Squashfs.open(new CheckedBlocks(handle, tree, () => altered(file)))

async function readContents(handle: FileHandle, file: string, tree: VerityTree): Promise<BundleContents> {
  const wrong = (why: string, cause?: unknown) =>
    new BundleError('not-a-bundle', `The list of contents in the bundle ${file} is wrong: ${why}.`, { cause })
  let value: unknown
  try {
    const bytes = await (await payload({ handle, file, tree })).read(contentsFile, maxContentsBytes)
    if (bytes === null) throw new SquashfsError(`there is no ${contentsFile} in it`)
    value = JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    if (error instanceof BundleError) throw error
    throw wrong((error as Error).message, error)
  }
  const parsed = contentsSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw wrong(`${issue?.message} at ${issue?.path.join('.')}`)
}

/** @returns the release notes; empty when the bundle has none. @throws SquashfsError, BundleError `altered` */
export async function releaseNotes(bundle: Bundle): Promise<string> {
  const notes = bundle.contents.artefacts.find(({ kind }) => kind === 'notes')
  if (notes === undefined) return ''
  await using handle = await open(bundle.file, 'r')
  const files = await payload({ ...bundle, handle })
  return (await files.read(notes.name, maxNotesBytes))?.toString('utf8') ?? ''
}

/**
 * Takes one part out of a bundle that was read, and compares its sum with the signed list.
 * @throws BundleError `altered`; the system's error
 */
export async function extractArtefact(
  bundle: Bundle,
  artefact: BundleContents['artefacts'][number],
  to: string,
  mode?: number,
): Promise<void> {
  await using handle = await open(bundle.file, 'r')
  const sum = await (await payload({ ...bundle, handle })).extract(artefact.name, to, mode)
  if (sum === artefact.sha256) return
  throw new BundleError(
    'altered',
    `${artefact.name} in the bundle ${bundle.file} is not what the bundle's list says; take the file from the vendor again.`,
  )
}

async function readAt(handle: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes)
  const { bytesRead } = await handle.read(buffer, 0, bytes, at)
  return buffer.subarray(0, bytesRead)
}
