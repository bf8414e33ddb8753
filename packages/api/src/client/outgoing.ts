/**
 * The checks of what a client sends, written out: the validator that the node uses for them (contract/frames.ts) would be
 * most of what a browser loads of the SDK. A test holds both to the same verdicts.
 */
import { limits } from '../contract/limits.ts'
import type { Submission } from './outbox.ts'

const encoder = new TextEncoder()
/** UTF-8 needs at most three bytes for one UTF-16 code unit. */
const maxBytesPerUnit = 3
const visibleAscii = /^[\x21-\x7e]+$/

/** Why the protocol cannot carry this frame; null when it can. */
export function faultOf(frame: Submission): string | null {
  if (!isClientId(frame.id))
    return `"${frame.id}" cannot be a message's id: it takes 1 to ${limits.clientIdLength} visible ASCII characters.`
  const why = 'body' in frame ? bodyFault(frame.body) : null
  return why === null ? null : `This text cannot be sent: ${why}.`
}

export function isClientId(id: string): boolean {
  return id.length <= limits.clientIdLength && visibleAscii.test(id)
}

/** Why a text cannot be sent; null when it can. */
export function bodyFault(body: string): string | null {
  if (body === '') return 'it is empty'
  if (!body.isWellFormed() || body.includes('\u0000')) return 'it must be well-formed Unicode without NUL'
  if (body.length * maxBytesPerUnit <= limits.bodyBytes) return null
  const bytes = encoder.encode(body).length
  return bytes <= limits.bodyBytes ? null : `it has ${bytes} bytes, and ${limits.bodyBytes} are the most`
}
