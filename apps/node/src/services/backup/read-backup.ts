/** Reads backup files without their key: head and end alone, or the integrity of the whole. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import packageJson from '../../../package.json' with { type: 'json' }
import { compareVersions } from '../../platform/versions.ts'
import { BackupError } from './errors.ts'
import { type About, aboutSchema, backupBounds, magic, readTrailer, trailerBytes } from './format.ts'

const { version } = packageJson

export interface BackupHead {
  about: About
  /** Of the whole file. */
  bytes: number
  /** As its last line says, hex. */
  sha256: string
  /** Where the encrypted content begins and ends. */
  content: { start: number; end: number }
}

/**
 * Head and end of a file; its content is not looked at.
 * @throws BackupError `not-a-backup`, `cut-off`; the system's error when it cannot be read
 */
export async function readHead(path: string): Promise<BackupHead> {
  await using file = await open(path, 'r')
  const { size } = await file.stat()
  const head = await textAt(file, 0, Math.min(size, magic.length + backupBounds.aboutBytes))
  const lineEnd = head.indexOf('\n', magic.length)
  if (!head.startsWith(magic) || lineEnd < 0) throw notABackup(path, head)
  const about = aboutSchema.safeParse(parseJson(head.slice(magic.length, lineEnd)))
  if (!about.success) throw notABackup(path, head)
  const end = size - trailerBytes
  const last = end > 0 ? readTrailer(await textAt(file, end, trailerBytes)) : null
  if (last === null || last.bytes !== end)
    throw new BackupError(
      'cut-off',
      `${basename(path)} is cut off or was added to: its end is not where it has to be. Take another copy of it.`,
    )
  const start = Buffer.byteLength(head.slice(0, lineEnd + 1))
  return { about: about.data, bytes: size, sha256: last.sha256, content: { start, end } }
}

/** Reads all of a file and compares it with its last line. @throws BackupError as `readHead`, and `altered` */
export async function checkOuter(path: string): Promise<BackupHead> {
  const head = await readHead(path)
  const hash = createHash('sha256')
  const whole = createReadStream(path, { end: head.content.end - 1, highWaterMark: backupBounds.chunkBytes })
  for await (const chunk of whole) hash.update(chunk as Buffer)
  if (hash.digest('hex') !== head.sha256)
    throw new BackupError(
      'altered',
      `${basename(path)} is not what was written: its SHA-256 differs. Its disk or a copy of it is damaged; take another one.`,
    )
  return head
}

/** @throws BackupError when a later version than this program made the backup */
export function refuseNewer(name: string, made: string): void {
  if (compareVersions(made, version) > 0)
    throw new BackupError(
      'newer',
      `${name} was made by version ${made.slice(0, 40)}, and this is ${version}: install that version or a later one, then restore.`,
    )
}

async function textAt(file: FileHandle, position: number, bytes: number): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, position)
  return buffer.subarray(0, bytesRead).toString('utf8')
}

/** The value, or null when the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function notABackup(path: string, head: string): BackupError {
  const other = /^holdfast-backup (\d+)\n/.exec(head)?.[1]
  return other === undefined || magic.includes(` ${other}\n`)
    ? new BackupError('not-a-backup', `${basename(path)} is no backup of Holdfast.`)
    : new BackupError(
        'newer',
        `${basename(path)} is a backup of format ${other}, which this program (${version}) does not know: use a later one.`,
      )
}
