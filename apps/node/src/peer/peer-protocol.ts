/** What both sides of the peer link agree on: paths, headers, answers and frames. */
import { HoldfastError } from '@holdfast/api/contract/errors'
import * as z from 'zod'
import { peerBounds } from './bounds.ts'

export const peerPaths = {
  status: '/peer/v1/status',
  snapshot: '/peer/v1/snapshot',
  call: '/peer/v1/call',
  channel: '/peer/v1/channel',
} as const

export const generationHeader = 'holdfast-generation'

/** On a 403 that the border gives, to tell it from one of an operation. */
export const notMemberHeader = 'holdfast-not-member'

/** On a request for a snapshot: the least revision that it must have. */
export const wantedRevisionHeader = 'holdfast-wanted-revision'

export function parseRevision(value: unknown): number {
  const revision = Number(value)
  return Number.isSafeInteger(revision) && revision > 0 ? revision : 0
}

/** Headers of a snapshot; `content-length` says its bytes. */
export const snapshotHeaders = {
  generation: 'holdfast-snapshot-generation',
  revision: 'holdfast-snapshot-revision',
  index: 'holdfast-snapshot-index',
  chain: 'holdfast-snapshot-chain',
  sha256: 'holdfast-snapshot-sha256',
} as const

const generationSchema = z
  .string()
  .max(peerBounds.generationLength)
  .regex(/^[\w.:-]*$/)

/** A generation as a header carries it; empty when it is none. */
export function parseGeneration(value: unknown): string {
  return generationSchema.safeParse(value).data ?? ''
}

export const callSchema = z.strictObject({
  op: z.string().min(1).max(peerBounds.nameLength),
  payload: z.unknown(),
})

/** Body of every refusal. */
const refusalSchema = z.object({
  code: z.string(),
  message: z.string().max(2000),
  retryAfterMs: z.number().nullable().optional(),
})

export function refusalBody(error: HoldfastError): object {
  return { code: error.code, message: error.message, retryAfterMs: error.retryAfterMs }
}

/** The error that another node answered with; null when the body tells none. */
export function parseRefusal(body: unknown, known: (code: string) => boolean): HoldfastError | null {
  const parsed = refusalSchema.safeParse(body)
  if (!parsed.success || !known(parsed.data.code)) return null
  const { code, message, retryAfterMs } = parsed.data
  const options = typeof retryAfterMs === 'number' ? { retryAfterMs } : {}
  return new HoldfastError(code as HoldfastError['code'], message, options)
}

const kindSchema = z.string().min(1).max(peerBounds.nameLength)
const timeSchema = z.number().min(0)

/**
 * Frames of a channel, one JSON object each. The side that opened it pings and says; the other answers pings.
 * `at`, `received`, `sent`: wall clock, ms since 1970.
 */
export const channelFrameSchema = z.discriminatedUnion('t', [
  z.object({ t: z.literal('ping'), id: z.int().min(0) }),
  z.object({ t: z.literal('pong'), id: z.int().min(0), received: timeSchema, sent: timeSchema }),
  z.object({ t: z.literal('say'), kind: kindSchema, payload: z.unknown() }),
])
export type ChannelFrame = z.infer<typeof channelFrameSchema>

/** A frame, or null when the text is none. */
export function parseChannelFrame(text: string): ChannelFrame | null {
  try {
    return channelFrameSchema.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}
