/**
 * A backup file: two lines of text, the encrypted content, one line of text.
 *
 * 1. `holdfast-backup 1` · 2. what everybody may know of it, as JSON (`About`) · 3. an age file (age-encryption.org/v1) for
 * the facility's recovery key, which holds a tar archive compressed by Zstandard (RFC 8878): `manifest.json`, then the parts
 * that it lists, in its order · 4. the SHA-256 and the number of all bytes before this line.
 *
 * The last line finds what a disk or a copy damaged, without the key; it protects from nobody who means it. What is
 * encrypted protects itself.
 */
import * as z from 'zod'

export const backupSuffix = '.hfbackup'
export const formatVersion = 1
export const magic = `holdfast-backup ${formatVersion}\n`

/** Bounds of what is read from a file that anybody may have written. */
export const backupBounds = {
  /** The second line. */
  aboutBytes: 4096,
  manifestBytes: 64 * 1024,
  /** Keys and certificates of a facility. */
  secretBytes: 64 * 1024,
  /** Files of a backup folder that are looked at; more are left out, and it is said. */
  listFiles: 1000,
  /** Characters of the facility's and the node's name in a file name. */
  nameCharacters: 40,
  chunkBytes: 1024 * 1024,
} as const

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const name = z.string().max(200)
const node = z.object({ id: z.string().max(64), name })

/** Stands unencrypted at the head of the file; nothing but the list relies on it. */
export const aboutSchema = z.object({
  facility: name,
  node,
  version: z.string().max(40),
  /** Milliseconds since 1970. */
  createdAt: z.int(),
  /** Newest applied entry of the log. */
  index: z.int().min(0),
  /** Public key for which it is encrypted. */
  recipient: z.string().max(200),
})
export type About = z.output<typeof aboutSchema>

export const partNames = ['cluster.db', 'secrets/ca.pem'] as const
export type PartName = (typeof partNames)[number]

const partSchema = z.object({ name: z.enum(partNames), bytes: z.int().min(0), sha256: hash })
export type Part = z.output<typeof partSchema>

/** What the content is; the first entry of the archive. */
export const manifestSchema = z.object({
  format: z.literal(formatVersion),
  ...aboutSchema.omit({ recipient: true }).shape,
  /** Of the cluster; empty on a single node. */
  generation: z.string().max(64),
  /** Place in the cluster's log; 0 on a single node. */
  revision: z.int().min(0),
  /** State chain after the index, hex. */
  chain: hash,
  /** Newest event of the audit log. */
  audit: z.object({ seq: z.int().min(0), hash }),
  /** Newest signed checkpoint of the audit log (C2SP tlog-checkpoint). */
  checkpoint: z
    .string()
    .max(16 * 1024)
    .nullable(),
  /** False: no other node could be asked whether it had acknowledged more; only without a quorum. */
  caughtUp: z.boolean(),
  parts: z.array(partSchema).length(partNames.length),
})
export type Manifest = z.output<typeof manifestSchema>

/** The last line, always as long. */
export function trailer(sha256: string, bytes: number): string {
  return `\nsha256 ${sha256} ${String(bytes).padStart(16, '0')}\n`
}
export const trailerBytes = trailer('0'.repeat(64), 0).length
const trailerPattern = /^\nsha256 ([0-9a-f]{64}) (\d{16})\n$/

export function readTrailer(text: string): { sha256: string; bytes: number } | null {
  const [, sha256, bytes] = trailerPattern.exec(text) ?? []
  return sha256 === undefined ? null : { sha256, bytes: Number(bytes) }
}

/** `port-of-kaldvik-kaldvik-1-20260301T023000Z.hfbackup` */
export function backupFileName({
  facility,
  node,
  createdAt,
}: Pick<About, 'facility' | 'node' | 'createdAt'>) {
  const time = new Date(createdAt).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  return `${plain(facility, 'facility')}-${plain(node.name, 'node')}-${time}${backupSuffix}`
}

function plain(text: string, otherwise: string): string {
  const words = text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, backupBounds.nameCharacters)
    .replaceAll(/^-+|-+$/g, '')
  return words === '' ? otherwise : words
}
