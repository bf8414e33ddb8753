/**
 * Checkpoints of the audit log (C2SP tlog-checkpoint): a signed note that says which root the tree of the first events has.
 *
 *     holdfast/<16 hex digits>/audit
 *     <events>
 *     <root in base64>
 *
 *     — holdfast/<16 hex digits>/audit <signature of the node that made it>
 *     — holdfast/<16 hex digits>/<node id> <cosignature of another node>
 *
 * 1. The first line, the origin, names the facility by its CA's fingerprint and stays the same for good.
 * 2. The node that makes a checkpoint signs as the log (type 0x01, named like the origin).
 * 3. Every other node computes the root from its own events and, when it is the same, adds its cosignature (type 0x04).
 * 4. A node has one key for both: what is signed begins differently, so that no signature can pass for one of the other kind.
 */
import { hashBytes } from './chain.ts'
import {
  cosignText,
  decodeBase64,
  encodeKey,
  isBy,
  keyTypes,
  type Note,
  parseKey,
  parseNote,
  parseSignatureLine,
  type Signer,
  signText,
  type VerifierKey,
  verifyLine,
} from './signed-note.ts'

const originDigits = 16
const originPattern = /^holdfast\/[0-9a-f]{16}\/audit$/
const originSuffix = 'audit'
const sizePattern = /^(?:0|[1-9]\d{0,15})$/

export interface Checkpoint {
  origin: string
  /** Events that it covers. */
  size: number
  root: Buffer
}

/** A checkpoint's line that verifies. */
export interface Signature {
  /** The key as text (`encodeKey`). */
  key: string
  /** Whether the line is the log's own, made by the node that made the checkpoint. */
  isLog: boolean
  /** Milliseconds since 1970 of a cosignature; 0 for the log's own. */
  at: number
}

/** Whose key it is. */
export interface NodeKey {
  node: string
  /** The node's cosigner key (`encodeKey`), as its row has it. */
  auditKey: string
}

/** @param caFingerprint SHA-256 of the CA's certificate, hex */
export function originOf(caFingerprint: string): string {
  return `holdfast/${caFingerprint.slice(0, originDigits).toLowerCase()}/${originSuffix}`
}

export function isOrigin(text: string): boolean {
  return originPattern.test(text)
}

/** The key by which a node's cosignatures are known. */
export function cosignerKey(options: { origin: string; node: string; publicKey: Buffer }): VerifierKey {
  const { origin, node, publicKey } = options
  const name = `${origin.slice(0, -originSuffix.length)}${node}`
  return { name, type: keyTypes.cosigner, publicKey }
}

/** The key by which the checkpoints that the same node makes are known. */
export function logKey(origin: string, { publicKey }: VerifierKey): VerifierKey {
  return { name: origin, type: keyTypes.log, publicKey }
}

export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`
}

/** The log's own line under a checkpoint. */
export function signCheckpoint(checkpoint: Checkpoint, signer: Signer): string {
  return signText(checkpointText(checkpoint), checkpoint.origin, signer)
}

/** A node's line under another node's checkpoint. @param at milliseconds since 1970 */
export function cosignCheckpoint(
  checkpoint: Checkpoint,
  options: { node: string; signer: Signer; at: number },
): string {
  const { node, signer, at } = options
  const { name } = cosignerKey({ origin: checkpoint.origin, node, publicKey: signer.publicKey })
  return cosignText(checkpointText(checkpoint), { name, signer, seconds: Math.floor(at / 1000) })
}

/**
 * Reads the text of a checkpoint. Lines beyond the third are refused: this log never writes any.
 * @throws SyntaxError which says what is wrong
 */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', size = '', root = '', end, ...more] = text.split('\n')
  if (end !== '' || more.length > 0) throw new SyntaxError('a checkpoint has three lines')
  if (!isOrigin(origin)) throw new SyntaxError('a checkpoint whose first line names no audit log')
  if (!sizePattern.test(size) || !Number.isSafeInteger(Number(size)))
    throw new SyntaxError('a checkpoint whose second line is no size')
  const bytes = decodeBase64(root)
  if (bytes?.length !== hashBytes) throw new SyntaxError('a checkpoint whose third line is no root')
  return { origin, size: Number(size), root: bytes }
}

/** A checkpoint with all its lines. @throws SyntaxError which says what is wrong */
export function readCheckpoint(note: string): Checkpoint & Note {
  const parsed = parseNote(note)
  return { ...parsed, ...parseCheckpoint(parsed.text) }
}

/** Adds one line. */
export function withLine(note: string, line: string): string {
  return `${note}${line}\n`
}

/**
 * The lines of a checkpoint that verify with known keys. Lines of unknown keys are passed over, as the specification
 * demands.
 * @param keys cosigner keys of nodes (`encodeKey`); each stands for the log's key of the same node too
 * @returns null when a line of a known key does not verify: then no line may be believed
 */
export function signaturesOf(checkpoint: Checkpoint & Note, keys: Iterable<string>): Signature[] | null {
  const signatures: Signature[] = []
  for (const text of keys) {
    const cosigner = parseKey(text)
    if (cosigner === null) continue
    for (const key of [logKey(checkpoint.origin, cosigner), cosigner]) {
      for (const line of checkpoint.lines.filter((each) => isBy(each, key))) {
        const seconds = verifyLine(checkpoint.text, line, key)
        if (seconds === null) return null
        signatures.push({ key: encodeKey(cosigner), isLog: key.type === keyTypes.log, at: seconds * 1000 })
      }
    }
  }
  return signatures
}

/** Whether a line under the checkpoint is by this key and verifies. */
export function isLineBy(checkpoint: Checkpoint, line: string, key: VerifierKey): boolean {
  const parsed = parseSignatureLine(line)
  return parsed !== null && verifyLine(checkpointText(checkpoint), parsed, key) !== null
}
