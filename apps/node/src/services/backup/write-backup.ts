/**
 * Writes a backup file from a copy of the database.
 *
 * 1 the copy is read for its place in the log and the head of its audit log · 2 head of the file · 3 manifest and parts go
 * through tar, Zstandard and age into the file, and are hashed on the way · 4 last line · 5 the file is flushed. It counts
 * only once it is renamed (create-backup.ts).
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, readFile, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress, constants as zlib } from 'node:zlib'
import { openDatabase } from '@holdfast/db'
import { Encrypter } from 'age-encryption'
import { type Pack, pack } from 'tar-stream'
import { type About, backupBounds, type Manifest, magic, type Part, trailer } from './format.ts'

export interface WriteRequest {
  /** The finished copy of cluster.db, with its hash. */
  copy: { file: string; bytes: number; sha256: string; generation: string; revision: number }
  /** PEM file with certificate and key of the facility's authority. */
  authorityFile: string
  /** A new file; whoever asks renames it. */
  target: string
  about: Omit<About, 'index'>
  caughtUp: boolean
}

export interface WrittenBackup {
  bytes: number
  /** Of everything but the last line, hex. */
  sha256: string
  index: number
  auditSeq: number
}

/** Three is Zstandard's usual level: as fast as the encryption. */
const compressionLevel = 3

/** @throws the system's error; what was written stays under `target` for whoever asked to remove */
export async function writeBackup(
  request: WriteRequest,
  onProgress: (doneBytes: number) => void = () => {},
): Promise<WrittenBackup> {
  const { copy, authorityFile, target } = request
  const place = await placeOf(copy.file)
  const authority = await readFile(authorityFile)
  const { recipient, ...facts } = request.about
  const manifest: Manifest = {
    format: 1,
    ...facts,
    index: place.index,
    generation: copy.generation,
    revision: copy.revision,
    chain: place.chain,
    audit: place.audit,
    checkpoint: place.checkpoint,
    caughtUp: request.caughtUp,
    parts: [
      { name: 'cluster.db', bytes: copy.bytes, sha256: copy.sha256 },
      {
        name: 'secrets/ca.pem',
        bytes: authority.length,
        sha256: createHash('sha256').update(authority).digest('hex'),
      },
    ],
  }
  await using file = await open(target, 'wx', 0o600)
  const out = new HashedFile(file)
  const about: About = { ...request.about, index: place.index }
  await out.write(Buffer.from(`${magic}${JSON.stringify(about)}\n`))
  const archive = pack()
  const fed = feed(archive, manifest, { copy: copy.file, authority, onProgress }).catch((error: Error) =>
    archive.destroy(error),
  )
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  await pipeline(
    Readable.from(archive, { objectMode: false }),
    createZstdCompress({ params: { [zlib.ZSTD_c_compressionLevel]: compressionLevel } }),
    async (source: AsyncIterable<Uint8Array>) => {
      const sealed = await encrypter.encrypt(
        Readable.toWeb(Readable.from(source)) as ReadableStream<Uint8Array>,
      )
      for await (const chunk of Readable.fromWeb(sealed as never)) await out.write(chunk as Uint8Array)
    },
  )
  await fed
  const { bytes } = out
  const sha256 = out.hash.digest('hex')
  await file.writeFile(trailer(sha256, bytes))
  await file.sync()
  return { bytes: (await file.stat()).size, sha256, index: place.index, auditSeq: place.audit.seq }
}

class HashedFile {
  readonly hash: Hash = createHash('sha256')
  bytes = 0
  private readonly file: FileHandle
  constructor(file: FileHandle) {
    this.file = file
  }
  async write(chunk: Uint8Array): Promise<void> {
    this.hash.update(chunk)
    this.bytes += chunk.length
    await this.file.writeFile(chunk)
  }
}

async function feed(
  archive: Pack,
  manifest: Manifest,
  from: { copy: string; authority: Buffer; onProgress: (doneBytes: number) => void },
): Promise<void> {
  const mtime = new Date(manifest.createdAt)
  archive.entry({ name: 'manifest.json', mode: 0o600, mtime }, JSON.stringify(manifest))
  for (const part of manifest.parts) {
    if (part.name === 'secrets/ca.pem') archive.entry({ name: part.name, mode: 0o600, mtime }, from.authority)
    else await feedFile(archive, part, { file: from.copy, mtime, onProgress: from.onProgress })
  }
  archive.finalize()
}

async function feedFile(
  archive: Pack,
  part: Part,
  { file, mtime, onProgress }: { file: string; mtime: Date; onProgress: (doneBytes: number) => void },
): Promise<void> {
  const hash = createHash('sha256')
  let done = 0
  const entry = archive.entry({ name: part.name, mode: 0o600, mtime, size: part.bytes })
  await pipeline(
    createReadStream(file, { highWaterMark: backupBounds.chunkBytes }),
    async function* (source: AsyncIterable<Buffer>) {
      for await (const chunk of source) {
        hash.update(chunk)
        done += chunk.length
        onProgress(done)
        yield chunk
      }
    },
    entry,
  )
  if (hash.digest('hex') !== part.sha256)
    throw new Error('the copy of the database changed on the disk while it was read: test this disk')
}

/** Where a copy of the database stands. */
async function placeOf(file: string) {
  const db = openDatabase(file, { role: 'reader' })
  try {
    const applied = db
      .prepare(
        'SELECT "index", lower(hex(chain)) AS chain, auditSeq AS seq, lower(hex(auditHash)) AS hash FROM applied WHERE id = 1',
      )
      .get() as { index: number; chain: string; seq: number; hash: string } | undefined
    if (applied === undefined) throw new Error('the copy of the database holds no state')
    const checkpoint = db.prepare('SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1').pluck().get()
    const { index, chain, seq, hash } = applied
    return { index, chain, audit: { seq, hash }, checkpoint: (checkpoint as string | undefined) ?? null }
  } finally {
    db.close()
    // What looking at it left beside it is of no use, and would be sent to nobody.
    for (const suffix of ['-wal', '-shm']) await rm(`${file}${suffix}`, { force: true })
  }
}
