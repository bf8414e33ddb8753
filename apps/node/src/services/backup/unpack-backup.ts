/** Opens a backup with its key: decrypts, unpacks and compares each part. Apart from `read-backup.ts`, because of its libraries. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdDecompress } from 'node:zlib'
import { Decrypter } from 'age-encryption'
import { extract } from 'tar-stream'
import { diskBounds, diskSpace } from '../../platform/disk.ts'
import { BackupError, RestoreRefusedError } from './errors.ts'
import { backupBounds, type Manifest, manifestSchema, type Part } from './format.ts'
import { type BackupHead, parseJson, refuseNewer } from './read-backup.ts'
import type { RecoveryKey } from './recovery-key.ts'

/**
 * Decrypts a file into a folder, each part under its name and compared with its hash. What is there afterwards is as the
 * node wrote it; whether it is sound is for others to see.
 * @throws BackupError; RestoreRefusedError when the disk is too small
 */
export async function unpack(
  path: string,
  { head, key, folder }: { head: BackupHead; key: RecoveryKey; folder: string },
): Promise<Manifest> {
  const name = basename(path)
  if (head.about.recipient !== key.recipient)
    throw new BackupError(
      'wrong-key',
      `${name} is encrypted for another recovery key: for ${head.about.recipient}, and this one is ${key.recipient}.`,
    )
  const { start, end } = head.content
  const decrypter = new Decrypter()
  decrypter.addIdentity(key.secret)
  const sealed = createReadStream(path, { start, end: end - 1, highWaterMark: backupBounds.chunkBytes })
  const archive = extract()
  let manifest: Manifest | null = null
  const read = async () => {
    const written = new Set<string>()
    for await (const entry of archive) {
      const { header } = entry
      if (manifest === null) {
        if (header.name !== 'manifest.json') throw unsound(name, 'it does not begin with its manifest')
        manifest = await readManifest(name, entry, header.size ?? 0)
        await checkRoom(folder, manifest)
        continue
      }
      const part = manifest.parts.find((each) => each.name === header.name)
      if (part === undefined || written.has(part.name) || header.type !== 'file')
        throw unsound(
          name,
          `it holds ${JSON.stringify(header.name.slice(0, 100))}, which its manifest does not list`,
        )
      written.add(part.name)
      await writePart(entry, { part, folder, name })
    }
    const missing = manifest?.parts.find((part) => !written.has(part.name))
    if (manifest === null || missing !== undefined)
      throw unsound(name, `it lacks ${missing?.name ?? 'its manifest'}`)
  }
  try {
    const web = Readable.toWeb(sealed) as unknown as ReadableStream<Uint8Array>
    const opened = await decrypter.decrypt(web)
    const reading = read()
    // It is awaited below; until then a failure must not count as one that nobody sees.
    reading.catch(() => {})
    await pipeline(Readable.from(opened, { objectMode: false }), createZstdDecompress(), archive).catch(
      async (error: Error) => {
        // The reader's own complaint says more than that the stream was closed.
        await reading
        throw error
      },
    )
    await reading
  } catch (error) {
    throw asBackupError(name, error)
  } finally {
    sealed.destroy()
    archive.destroy()
  }
  const found = manifest as Manifest | null
  if (found === null) throw unsound(name, 'it lacks its manifest')
  for (const key of ['facility', 'version', 'createdAt', 'index'] as const)
    if (found[key] !== head.about[key])
      throw new BackupError(
        'altered',
        `${name} was altered: its head says ${key} ${JSON.stringify(head.about[key])}, its encrypted manifest ${JSON.stringify(found[key])}.`,
      )
  return found
}

async function readManifest(name: string, entry: AsyncIterable<Buffer>, size: number): Promise<Manifest> {
  if (size > backupBounds.manifestBytes) throw unsound(name, 'its manifest is too large')
  const chunks: Buffer[] = []
  for await (const chunk of entry) chunks.push(chunk)
  const value = parseJson(Buffer.concat(chunks).toString('utf8')) as { version?: unknown } | null
  if (typeof value?.version === 'string') refuseNewer(name, value.version)
  const parsed = manifestSchema.safeParse(value)
  if (!parsed.success) throw unsound(name, 'its manifest cannot be read')
  return parsed.data
}

async function checkRoom(folder: string, manifest: Manifest): Promise<void> {
  // The audit files are written anew from the rows, which are a part of the database.
  const needed = manifest.parts.reduce((sum, part) => sum + part.bytes, 0) * 1.5
  const { freeBytes } = await diskSpace(folder)
  if (freeBytes - diskBounds.fullBytes < needed)
    throw new RestoreRefusedError(
      `${folder} has ${freeBytes} bytes free, and the backup needs ${Math.ceil(needed)} and a reserve: use a larger disk.`,
    )
}

async function writePart(
  entry: AsyncIterable<Buffer>,
  { part, folder, name }: { part: Part; folder: string; name: string },
): Promise<void> {
  const path = join(folder, part.name)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await using file = await open(path, 'wx', 0o600)
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of entry) {
    bytes += chunk.length
    if (bytes > part.bytes) break
    hash.update(chunk)
    await file.writeFile(chunk)
  }
  await file.sync()
  if (bytes !== part.bytes || hash.digest('hex') !== part.sha256)
    throw unsound(name, `${part.name} in it is not what its manifest says`)
}

function unsound(name: string, what: string): BackupError {
  return new BackupError('unsound', `${name} cannot be used: ${what}.`)
}

function asBackupError(name: string, error: unknown): Error {
  if (error instanceof BackupError || error instanceof RestoreRefusedError) return error as Error
  const { message, code } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC')
    return new RestoreRefusedError('The disk became full while the backup was unpacked: use a larger one.', {
      cause: error,
    })
  if (/no identity matched/.test(message))
    return new BackupError('wrong-key', `${name} is not encrypted for this recovery key.`, { cause: error })
  return new BackupError('altered', `${name} cannot be decrypted whole: it was altered (${message}).`, {
    cause: error,
  })
}
