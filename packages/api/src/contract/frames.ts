/**
 * Client protocol, version 1 (docs/reference/client-protocol.md). A WebSocket message carries one JSON frame or an
 * array of frames; every frame has a type `t`.
 */
import * as z from 'zod'
import type { ErrorCode } from './errors.ts'
import { limits } from './limits.ts'
import {
  type ChannelKind,
  clientIdSchema,
  type EntryKind,
  idSchema,
  type Priority,
  prioritySchema,
  seqSchema,
} from './names.ts'

export { closeCodes, protocolVersion } from './protocol.ts'

const encoder = new TextEncoder()
/** A message's text: not empty, no lone surrogates, no NUL, bounded in UTF-8 bytes. */
export const bodySchema = z
  .string()
  .min(1)
  .max(limits.bodyBytes)
  .refine((s) => s.isWellFormed() && !s.includes('\u0000'), 'text must be well-formed Unicode without NUL')
  .refine(
    (s) => s.length * 3 <= limits.bodyBytes || encoder.encode(s).length <= limits.bodyBytes,
    `text is over ${limits.bodyBytes} bytes`,
  )

/** Correlates a request frame with its answer. */
const requestId = z.union([z.int().min(0), z.string().max(limits.clientIdLength)])

export const clientFrames = {
  auth: z.object({
    t: z.literal('auth'),
    /** Session token; absent in a browser, whose cookie speaks. */
    token: z.string().max(512).optional(),
    /** DPoP proof (RFC 9449) over the hello's nonce; demanded of sessions bound to a device. */
    proof: z.string().max(4096).optional(),
    client: z.string().max(120).optional(),
    /** Branch of the places that the client has. */
    branch: z.string().max(limits.branchLength).optional(),
  }),
  sync: z.object({
    t: z.literal('sync'),
    /** The newest sequence the client has, by channel id. */
    since: z
      .record(idSchema, seqSchema)
      .refine((r) => Object.keys(r).length <= limits.syncChannels, 'too many channels'),
  }),
  send: z.object({
    t: z.literal('send'),
    channel: idSchema,
    id: clientIdSchema,
    body: bodySchema,
    priority: prioritySchema.optional(),
    /** Sequence of the entry this answers. */
    reply: seqSchema.optional(),
  }),
  edit: z.object({
    t: z.literal('edit'),
    channel: idSchema,
    id: clientIdSchema,
    seq: seqSchema,
    body: bodySchema,
  }),
  delete: z.object({ t: z.literal('delete'), channel: idSchema, id: clientIdSchema, seq: seqSchema }),
  mark: z.object({
    t: z.literal('mark'),
    channel: idSchema,
    delivered: seqSchema.optional(),
    read: seqSchema.optional(),
  }),
  history: z.object({
    t: z.literal('history'),
    id: requestId,
    channel: idSchema,
    /** Entries with a sequence below this, newest first to be cut, oldest first in the answer. */
    before: seqSchema.optional(),
    /** Entries with a sequence above this. */
    after: seqSchema.optional(),
    limit: z.int().min(1).max(limits.pageEntries).optional(),
  }),
  presence: z.object({ t: z.literal('presence'), state: z.enum(['online', 'away']) }),
  watch: z.object({ t: z.literal('watch'), presence: z.boolean() }),
  typing: z.object({ t: z.literal('typing'), channel: idSchema }),
  ping: z.object({ t: z.literal('ping'), id: requestId.optional() }),
} as const

export type ClientFrameType = keyof typeof clientFrames
export const clientFrameSchema = z.discriminatedUnion('t', [
  clientFrames.auth,
  clientFrames.sync,
  clientFrames.send,
  clientFrames.edit,
  clientFrames.delete,
  clientFrames.mark,
  clientFrames.history,
  clientFrames.presence,
  clientFrames.watch,
  clientFrames.typing,
  clientFrames.ping,
])
export type ClientFrame = z.infer<typeof clientFrameSchema>

/** One entry of a channel. `edit` and `delete` name the entry they change in `target`. */
export interface Entry {
  channel: string
  seq: number
  /** The sender's own id for it. */
  id: string
  /** Person id of the sender. */
  from: string
  /** Milliseconds since 1970. */
  at: number
  kind: EntryKind
  /** Current text; an edit entry carries its target's current text, a deleted one the empty text. */
  body: string
  priority?: Priority
  /** Sequence of the entry answered (text), edited or deleted. */
  target?: number
  /** Sequence of the newest edit or delete entry of this one. */
  revision?: number
  /** Set on a text entry that was deleted. */
  deleted?: true
}

export interface ChannelState {
  id: string
  name: string | null
  kind: ChannelKind
  topic: string
  /** Sequence of the newest entry. */
  head: number
  /** Oldest sequence retention has left. */
  floor: number
  /** The person's own marks. */
  delivered: number
  read: number
  /** Messages of others after `read`, without edits and deletions; at most `limits.unreadMessages`. */
  unread: number
  archived: boolean
  /** Whether this person may send here. */
  mayPost: boolean
  /** Only in a `ready` on another branch than the client's: newest sequence that both have with the same entry. */
  shared?: number
  /** direct: the other person. */
  peer?: { id: string; name: string; displayName: string }
}

export interface PresenceState {
  person: string
  state: 'online' | 'away' | 'offline'
  /** Milliseconds since 1970 of the last sign of life; null: never seen. */
  lastSeenAt: number | null
  devices: {
    id: string | null
    name: string
    platform: string
    state: 'online' | 'away'
    site: string
    since: number
    /** Name of the node that it is connected to; absent on a single node. */
    node?: string
  }[]
}

export type ServerFrame =
  | {
      t: 'hello'
      protocol: number
      node: string
      nodeName: string
      facility: string
      nonce: string
      version: string
      /** The node's clock, milliseconds since 1970: a proof made by it is fresh however wrong the client's clock is. */
      at: number
    }
  | {
      t: 'ready'
      person: { id: string; name: string; displayName: string; role: string }
      session: string
      device: string | null
      channels: ChannelState[]
      at: number
      /** On which branch of the past the sequences stand; absent from nodes that know of none. */
      branch?: string
      /** Addresses of all members of the cluster, `https://host:port`; absent where there is none. */
      nodes?: string[]
    }
  | { t: 'ack'; id: string; channel: string; seq: number; at: number; duplicate?: true }
  | ({ t: 'entry' } & Entry)
  | {
      t: 'page'
      channel: string
      id?: number | string
      entries: Entry[]
      floor: number
      head: number
      more: boolean
    }
  | { t: 'synced' }
  | { t: 'marks'; channel: string; person: string; delivered: number; read: number }
  | { t: 'channel'; change: 'added' | 'updated'; channel: ChannelState }
  | { t: 'channel'; change: 'removed'; channel: { id: string } }
  | { t: 'presence'; people: PresenceState[] }
  | { t: 'typing'; channel: string; person: string }
  | { t: 'resync'; reason: string }
  | { t: 'notice'; level: 'info' | 'warning' | 'alert'; code: string; message: string }
  | { t: 'error'; code: ErrorCode; message: string; id?: number | string; fatal?: true }
  | { t: 'pong'; id?: number | string }
