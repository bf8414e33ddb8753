import { createHash, randomBytes } from 'node:crypto'
import { addressSchema } from '@holdfast/api/contract/cluster-inputs'
import { HoldfastError } from '@holdfast/api/contract/errors'
import * as z from 'zod'

const secretBytes = 24
const prefix = 'HF1-'
/** Addresses in one code. */
export const codeAddresses = 8

const codeSchema = z.object({
  /** Where members are reached over HTTPS: host and port. */
  a: z
    .array(z.tuple([addressSchema, z.int().min(1).max(65_535)]))
    .min(1)
    .max(codeAddresses),
  /** SHA-256 of the facility's CA certificate, base64url. */
  f: z.string().length(43),
  s: z.string().min(16).max(100),
})

/** What a join code says: where to ask, whom to trust, and the secret that is good for one node. */
export interface JoinCode {
  members: { address: string; httpsPort: number }[]
  /** SHA-256 of the facility's CA certificate, hex. */
  caFingerprint: string
  secret: string
}

export function newSecret(): string {
  return randomBytes(secretBytes).toString('base64url')
}

/** What is kept of a secret: SHA-256, hex. */
export function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

export function encodeJoinCode({ members, caFingerprint, secret }: JoinCode): string {
  const value: z.input<typeof codeSchema> = {
    a: members.slice(0, codeAddresses).map(({ address, httpsPort }) => [address, httpsPort]),
    f: Buffer.from(caFingerprint, 'hex').toString('base64url'),
    s: secret,
  }
  return prefix + Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** @throws HoldfastError `wrong-code` */
export function decodeJoinCode(text: string): JoinCode {
  const bare = text.replaceAll(/\s/g, '')
  const wrong = (why: string) =>
    new HoldfastError('wrong-code', `This is no join code (${why}); copy it whole from the Cluster page.`)
  if (!bare.startsWith(prefix)) throw wrong(`it begins with ${prefix}`)
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bare.slice(prefix.length), 'base64url').toString())
  } catch {
    throw wrong('part of it is missing')
  }
  const parsed = codeSchema.safeParse(value)
  if (!parsed.success) throw wrong('part of it is missing')
  const { a, f, s } = parsed.data
  return {
    members: a.map(([address, httpsPort]) => ({ address, httpsPort })),
    caFingerprint: Buffer.from(f, 'base64url').toString('hex'),
    secret: s,
  }
}
