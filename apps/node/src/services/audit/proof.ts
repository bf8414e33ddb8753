/**
 * A proof that one event is in the log, which stands for itself: the event's text, its path in the Merkle tree, and the
 * checkpoint with its signatures. Whoever knows the keys of the facility's nodes can check it years later, without a node.
 */
import { createHash } from 'node:crypto'
import type { AuditProof } from '@holdfast/api/services'
import * as z from 'zod'
import { hashBytes, maxEventBytes, parseEvent } from './chain.ts'
import { readCheckpoint, signaturesOf } from './checkpoint.ts'
import { leafHash, maxProofHashes, verifyInclusion } from './merkle.ts'
import { decodeBase64, maxNoteBytes, parseKey } from './signed-note.ts'

export const proofFormat = 'holdfast-audit-proof'
export const proofVersion = 1
/** Bytes of a proof as JSON, in which each byte of the event takes six at most. */
export const maxProofBytes = 6 * maxEventBytes + 2 * maxNoteBytes + 64 * 1024

const proofSchema = z.strictObject({
  format: z.literal(proofFormat),
  version: z.literal(proofVersion),
  seq: z.int().min(1),
  event: z.string().max(maxEventBytes),
  path: z.array(z.string().length(Math.ceil(hashBytes / 3) * 4)).max(maxProofHashes),
  checkpoint: z.string().max(maxNoteBytes),
  keys: z.array(z.string().max(512)).max(64),
})

/** What a proof proves. */
export interface ProvedEvent {
  event: ReturnType<typeof parseEvent>
  /** Events of the tree that it is in. */
  size: number
  origin: string
  /** SHA-256 of the event's text, hex. */
  sha256: string
  /** Key names of the nodes whose signatures verify; their last part is the node's id. */
  signedBy: string[]
}

/** @throws SyntaxError when the text is no proof of this format */
export function parseProof(text: string): AuditProof {
  if (text.length > maxProofBytes) throw new SyntaxError('it is larger than any proof')
  const parsed = proofSchema.safeParse(JSON.parse(text))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new SyntaxError(`it is not a proof of an audit event: ${issue?.path.join('.')} ${issue?.message}`)
  }
  return parsed.data
}

/**
 * @param keys keys that are trusted; the proof's own say only whose signatures it claims
 * @returns what is wrong, in one sentence, when it proves nothing
 */
export function checkProof(proof: AuditProof, keys: readonly string[]): ProvedEvent | string {
  try {
    const event = parseEvent(proof.event)
    if (event.seq !== proof.seq) return `The event is number ${event.seq}, not ${proof.seq}.`
    const checkpoint = readCheckpoint(proof.checkpoint)
    const path = proof.path.map((each) => decodeBase64(each) ?? Buffer.alloc(0))
    const { size, root, origin } = checkpoint
    const leaf = leafHash(proof.event)
    if (!verifyInclusion({ index: proof.seq - 1, size, leaf, proof: path, root }))
      return `The event ${proof.seq} is not in the tree of ${size} events that was signed: event, path or root was changed.`
    const signatures = signaturesOf(checkpoint, new Set(keys))
    if (signatures === null) return 'A signature under the checkpoint does not verify: it was changed.'
    if (signatures.length === 0) return 'The checkpoint is signed by none of the keys.'
    const names = signatures.map(({ key }) => parseKey(key)?.name ?? '')
    const sha256 = createHash('sha256').update(proof.event).digest('hex')
    return { event, size, origin, sha256, signedBy: [...new Set(names)] }
  } catch (error) {
    if (error instanceof SyntaxError) return `It cannot be read: ${error.message}.`
    throw error
  }
}
