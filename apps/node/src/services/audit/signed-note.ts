/**
 * Signed notes (C2SP signed-note): a text, an empty line, and one line for each signature.
 *
 * A signature line is `— <key name> <base64 of the key's id (4 bytes) and the signature>`. A key's id is the beginning of
 * SHA-256 over its name, a line feed, its type and its 32 bytes. Two types are known here, both Ed25519 (RFC 8032):
 * 0x01 signs the text; 0x04 (C2SP tlog-cosignature) signs `cosignature/v1`, a time and the text.
 */
import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto'
import { limits } from '@holdfast/api/contract/limits'

/** Bytes of a whole note: a checkpoint with `maxLines` lines is far below. */
export const maxNoteBytes = limits.checkpointBytes
/** Signature lines of a note; the specification demands at least 16. */
export const maxLines = 32
const maxNameBytes = 255
export const keyBytes = 32
const idBytes = 4
const timeBytes = 8
const signatureBytes = 64

export const keyTypes = { log: 0x01, cosigner: 0x04 } as const
export type KeyType = (typeof keyTypes)[keyof typeof keyTypes]

/** A public key with the name that stands in its lines. */
export interface VerifierKey {
  name: string
  type: KeyType
  publicKey: Buffer
}

export interface SignatureLine {
  name: string
  /** Eight hex digits. */
  keyId: string
  /** What follows the id: a signature, for cosignatures with its time before it. */
  bytes: Buffer
}

export interface Note {
  /** With its last line feed. */
  text: string
  lines: SignatureLine[]
}

/** What signs with a node's key; the private half stays where it was read. */
export interface Signer {
  /** 32 bytes (RFC 8032). */
  publicKey: Buffer
  sign(message: Uint8Array): Buffer
}

export function keyId({ name, type, publicKey }: VerifierKey): string {
  const input = Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(type), publicKey])
  return hash('sha256', input, 'hex').slice(0, 2 * idBytes)
}

/** The key as one line of text: name, id and base64 of type and key, joined by plus signs. */
export function encodeKey(key: VerifierKey): string {
  const material = Buffer.concat([Buffer.of(key.type), key.publicKey]).toString('base64')
  return `${key.name}+${keyId(key)}+${material}`
}

/** Reads what `encodeKey` writes; null for anything else. */
export function parseKey(text: string): VerifierKey | null {
  const [name = '', id, material = '', ...more] = text.length > 512 ? [] : text.split('+')
  // Base64 itself may have plus signs.
  const bytes = decodeBase64([material, ...more].join('+'))
  const type = Object.values(keyTypes).find((each) => each === bytes?.[0])
  if (!isKeyName(name) || bytes?.length !== 1 + keyBytes || type === undefined) return null
  const key = { name, type, publicKey: bytes.subarray(1) }
  return keyId(key) === id ? key : null
}

/** Whether a text can be a key's name: not empty, no spaces, no plus sign. */
export function isKeyName(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= maxNameBytes && !/[\s\p{Cc}\p{Z}+\ufeff]/u.test(name)
}

/** A line of type 0x01 under the text, without its line feed. */
export function signText(text: string, name: string, signer: Signer): string {
  const key: VerifierKey = { name, type: keyTypes.log, publicKey: signer.publicKey }
  return encodeLine(key, signer.sign(Buffer.from(text)))
}

/** A line of type 0x04 under the text, without its line feed. @param seconds since 1970 */
export function cosignText(text: string, options: { name: string; signer: Signer; seconds: number }): string {
  const { name, signer, seconds } = options
  const key: VerifierKey = { name, type: keyTypes.cosigner, publicKey: signer.publicKey }
  const time = Buffer.alloc(timeBytes)
  time.writeBigUInt64BE(BigInt(seconds))
  return encodeLine(key, Buffer.concat([time, signer.sign(cosignedMessage(text, BigInt(seconds)))]))
}

function cosignedMessage(text: string, seconds: bigint): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`)
}

function encodeLine(key: VerifierKey, bytes: Buffer): string {
  return `— ${key.name} ${Buffer.concat([Buffer.from(keyId(key), 'hex'), bytes]).toString('base64')}`
}

/** Reads one signature line without its line feed; null when it is none. */
export function parseSignatureLine(line: string): SignatureLine | null {
  const [dash, name = '', signature = '', ...more] = line.split(' ')
  if (dash !== '—' || !isKeyName(name) || more.length > 0) return null
  const bytes = decodeBase64(signature)
  if (bytes === null || bytes.length <= idBytes) return null
  return { name, keyId: bytes.toString('hex', 0, idBytes), bytes: bytes.subarray(idBytes) }
}

/**
 * Reads a note as it is defined, within bounds.
 * @throws SyntaxError which says what is wrong
 */
export function parseNote(note: string): Note {
  if (note.length > maxNoteBytes || Buffer.byteLength(note) > maxNoteBytes)
    throw new SyntaxError(`a note of more than ${maxNoteBytes} bytes`)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u0009\u000b-\u001f]/.test(note) || !note.isWellFormed())
    throw new SyntaxError('a note with control characters or broken text')
  const end = note.lastIndexOf('\n\n')
  if (end < 0 || !note.endsWith('\n')) throw new SyntaxError('a note without signatures')
  const written = note.slice(end + 2, -1).split('\n')
  if (written.length > maxLines) throw new SyntaxError(`a note with more than ${maxLines} signatures`)
  const lines = written.map((line) => {
    const parsed = parseSignatureLine(line)
    if (parsed === null) throw new SyntaxError('a note with a line that is no signature')
    return parsed
  })
  return { text: note.slice(0, end + 1), lines }
}

/** Whether the line is by this key, going by name and id; whether it verifies is for `verifyLine` to say. */
export function isBy(line: SignatureLine, key: VerifierKey): boolean {
  return line.name === key.name && line.keyId === keyId(key)
}

/** Seconds since 1970 of a cosignature's line (0 for type 0x01), or null when the line does not verify with the key. */
export function verifyLine(text: string, line: SignatureLine, key: VerifierKey): number | null {
  if (!isBy(line, key)) return null
  const { bytes } = line
  if (key.type === keyTypes.log)
    return bytes.length === signatureBytes && isSigned(Buffer.from(text), bytes, key) ? 0 : null
  if (bytes.length !== timeBytes + signatureBytes) return null
  const seconds = bytes.readBigUInt64BE()
  if (seconds > BigInt(Number.MAX_SAFE_INTEGER)) return null
  const signed = isSigned(cosignedMessage(text, seconds), bytes.subarray(timeBytes), key)
  return signed ? Number(seconds) : null
}

function isSigned(message: Buffer, signature: Buffer, { publicKey }: VerifierKey): boolean {
  try {
    return verify(null, message, keyObject(publicKey), signature)
  } catch {
    // Bytes that are no point of the curve.
    return false
  }
}

function keyObject(publicKey: Buffer): KeyObject {
  const x = publicKey.toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}

/** Standard base64 (RFC 4648 section 4) in its one canonical form; null for anything else. */
export function decodeBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64')
  return text !== '' && bytes.toString('base64') === text ? bytes : null
}
