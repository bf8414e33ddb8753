/**
 * The datagrams of 7447/udp. A beacon says "this node is here", a query asks "who is here?".
 *
 * 1. First line: `HOLDFAST/1 beacon <signature>` or `HOLDFAST/1 query`, ended by a line feed.
 * 2. The rest is one JSON object, at most 1200 bytes with the first line.
 * 3. The signature is ECDSA P-256 with SHA-256 (IEEE P1363, base64url) over `holdfast-beacon-v1\n` and the JSON bytes
 *    exactly as sent, so that nothing has to be re-serialized to check it.
 * 4. The JSON carries the public key; its SHA-256 is the sender's identity. Whether that key belongs to a member of
 *    the cluster is for the receiver to know: a signature alone only proves that the holder of the key is there.
 */
import { createHash, createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto'
import * as z from 'zod'

/** Fits one Ethernet frame and IPv6's minimum MTU of 1280 bytes without fragments. */
export const DATAGRAM_BYTES_MAX = 1200
/** Addresses in one beacon; an interface with more tells its first ones. */
export const BEACON_ADDRESSES_MAX = 8
/** Names in announcements are cut here: one DNS label (RFC 1035 section 2.3.4). */
export const NAME_BYTES_MAX = 63

const BEACON_PREFIX = 'HOLDFAST/1 beacon '
const QUERY_LINE = 'HOLDFAST/1 query\n'
const SIGNATURE_CONTEXT = Buffer.from('holdfast-beacon-v1\n')
/** SubjectPublicKeyInfo of an uncompressed P-256 key is always 91 bytes; other encodings of the same key are refused. */
const P256_SPKI_BYTES = 91
const P256_SIGNATURE_BYTES = 64

export const fingerprintSchema = z.string().regex(/^[0-9a-f]{64}$/)
export const nodeIdSchema = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/)
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const nameText = z.string().regex(/^[^\u0000-\u001f\u007f]*$/)
export const announcedNameSchema = nameText.max(NAME_BYTES_MAX)
const nonceSchema = z.string().regex(/^[A-Za-z0-9_-]{16,32}$/)
const addressSchema = z.union([z.ipv4(), z.ipv6()])

const beaconSchema = z.object({
  id: nodeIdSchema,
  name: announcedNameSchema.min(1),
  facility: announcedNameSchema,
  site: announcedNameSchema.optional(),
  port: z.int().min(1).max(65_535),
  version: z.string().regex(/^[\x21-\x7e]{1,32}$/),
  ca: fingerprintSchema,
  cert: fingerprintSchema,
  key: z.string().regex(/^[A-Za-z0-9_-]{122}$/),
  addresses: z.array(addressSchema).max(BEACON_ADDRESSES_MAX),
  boot: z.int().min(0),
  seq: z.int().min(0),
  at: z.int().min(0),
  nonce: nonceSchema.optional(),
})

const querySchema = z.object({ nonce: nonceSchema })

/**
 * What a beacon says. `boot` is when the sender started and `at` when it signed (milliseconds since 1970 by its own
 * clock), `seq` counts its beacons since then, `nonce` repeats that of the query which it answers. `key` is the public
 * key (SPKI DER, base64url); `ca` and `cert` are SHA-256 in hex.
 */
export type Beacon = z.infer<typeof beaconSchema>
export type BeaconQuery = z.infer<typeof querySchema>

export type VerifiedBeacon = Beacon & { keyFingerprint: string }

/** Why a datagram was not understood. */
export type DecodeFailure = 'oversized' | 'malformed' | 'version' | 'signature'

export type Decoded =
  | { kind: 'beacon'; beacon: Beacon; check: () => VerifiedBeacon | undefined }
  | { kind: 'query'; query: BeaconQuery }
  | { kind: 'refused'; reason: DecodeFailure }

/** Signs bytes with the node's private key: ECDSA P-256, SHA-256, 64 bytes in IEEE P1363 encoding. */
export type Sign = (bytes: Buffer) => Buffer

/**
 * A signed beacon of at most 1200 bytes. Addresses are left out from the end until it fits.
 * @throws ZodError when a field is out of its bounds: a mistake of the caller, since every field is ours.
 */
export function encodeBeacon(input: Beacon, sign: Sign): Buffer {
  const beacon = beaconSchema.parse(input)
  const addresses = [...beacon.addresses]
  for (;;) {
    const body = Buffer.from(JSON.stringify({ ...beacon, addresses }))
    const headBytes = BEACON_PREFIX.length + 86 + 1
    if (headBytes + body.length > DATAGRAM_BYTES_MAX && addresses.length > 0) {
      addresses.pop()
      continue
    }
    const signature = sign(Buffer.concat([SIGNATURE_CONTEXT, body]))
    return Buffer.concat([Buffer.from(`${BEACON_PREFIX}${signature.toString('base64url')}\n`), body])
  }
}

/** A query datagram. The nonce comes back in the answers and proves that they are fresh. */
export function encodeQuery(query: BeaconQuery): Buffer {
  return Buffer.from(QUERY_LINE + JSON.stringify(querySchema.parse(query)))
}

/**
 * Reads a datagram. Never throws. A beacon's signature is not checked yet: `check()` does that, and costs about
 * 0.1 ms, so that a receiver can first drop what it need not check.
 */
export function decodeDatagram(datagram: Buffer): Decoded {
  if (datagram.length > DATAGRAM_BYTES_MAX) return { kind: 'refused', reason: 'oversized' }
  const end = datagram.indexOf(0x0a)
  if (end < 0) return { kind: 'refused', reason: 'malformed' }
  const head = datagram.toString('latin1', 0, end + 1)
  const body = datagram.subarray(end + 1)
  if (head === QUERY_LINE) {
    const query = parseJson(querySchema, body)
    return query ? { kind: 'query', query } : { kind: 'refused', reason: 'malformed' }
  }
  const match = /^HOLDFAST\/1 beacon ([A-Za-z0-9_-]{86})\n$/.exec(head)
  if (!match?.[1]) return { kind: 'refused', reason: /^HOLDFAST\/\d/.test(head) ? 'version' : 'malformed' }
  const signature = Buffer.from(match[1], 'base64url')
  const beacon = parseJson(beaconSchema, body)
  if (!beacon) return { kind: 'refused', reason: 'malformed' }
  return { kind: 'beacon', beacon, check: () => checkSignature(beacon, body, signature) }
}

function checkSignature(beacon: Beacon, body: Buffer, signature: Buffer): VerifiedBeacon | undefined {
  try {
    const der = Buffer.from(beacon.key, 'base64url')
    if (der.length !== P256_SPKI_BYTES || signature.length !== P256_SIGNATURE_BYTES) return undefined
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
    if (!isP256(key)) return undefined
    const signed = Buffer.concat([SIGNATURE_CONTEXT, body])
    if (!verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)) return undefined
    return { ...beacon, keyFingerprint: sha256Hex(der) }
  } catch {
    return undefined // Not a key at all.
  }
}

function parseJson<T>(schema: z.ZodType<T>, bytes: Buffer): T | undefined {
  try {
    const result = schema.safeParse(JSON.parse(bytes.toString('utf8')))
    return result.success ? result.data : undefined
  } catch {
    return undefined
  }
}

/** What a certificate says about its holder's identity; fingerprints are SHA-256 in lower-case hex. */
export type CertificateIdentity = {
  certificateFingerprint: string
  keyFingerprint: string
  publicKey: string
}

/**
 * Reads the identity out of a certificate (PEM or DER).
 * @throws TypeError when its key is not ECDSA P-256, which is the only kind that beacons can be signed with.
 */
export function certificateIdentity(certificate: string | Buffer): CertificateIdentity {
  const parsed = new X509Certificate(certificate)
  if (!isP256(parsed.publicKey))
    throw new TypeError(
      'Discovery: the node certificate has no ECDSA P-256 key. Issue one with such a key from the internal CA.',
    )
  const der = parsed.publicKey.export({ format: 'der', type: 'spki' })
  return {
    certificateFingerprint: sha256Hex(parsed.raw),
    keyFingerprint: sha256Hex(der),
    publicKey: der.toString('base64url'),
  }
}

const isP256 = (key: KeyObject) =>
  key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1'

const sha256Hex = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** Cuts a name to so many UTF-8 bytes without splitting a character, and takes control characters out. */
export function cutName(text: string, maxBytes = NAME_BYTES_MAX): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
  const clean = text.toWellFormed().replace(/[\u0000-\u001f\u007f]+/g, ' ')
  let cut = ''
  let bytes = 0
  for (const character of clean) {
    bytes += Buffer.byteLength(character)
    if (bytes > maxBytes) break
    cut += character
  }
  return cut.trim()
}
