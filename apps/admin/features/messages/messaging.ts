/**
 * The one place where the message pages touch the connection: it feeds the live state from the client's events, and
 * turns what the person does into calls of the client.
 */
import type { Client } from '@holdfast/api/client'
import { createMessageIds } from '@holdfast/api/client/message-id'
import { HoldfastError } from '@holdfast/api/contract/errors'
import type { Entry } from '@holdfast/api/contract/frames'
import type { Priority } from '@holdfast/api/contract/names'
import { noteReadOnly } from '../../lib/read-only.ts'
import {
  begin,
  type Conversation,
  discard,
  emptyConversation,
  extend,
  fail,
  hasOlder,
  type PendingSend,
  reachesHead,
  showPage,
} from './conversation.ts'
import {
  dropConversation,
  expireTyping,
  initialState,
  type Link,
  type LiveState,
  onBranch,
  onChannel,
  onChannels,
  onEntry,
  onLink,
  onMarks,
  onOwnRead,
  onPresence,
  onTyping,
  setConversation,
  withConversation,
} from './live-state.ts'

/** Entries fetched at once: about two screens. */
export const pageEntries = 60
/** Conversations kept in memory; the least recently opened one is dropped and loaded again when needed. */
const conversationsMax = 12
const typingTickMs = 1_000

export interface Draft {
  body: string
  priority: Priority
  reply: number | null
}

export class Messaging {
  readonly #client: Client
  readonly #listeners = new Set<() => void>()
  readonly #nextId = createMessageIds()
  /** Channel ids by when they were opened, oldest first. */
  readonly #opened = new Set<string>()
  /** Pages being fetched, so that scrolling does not ask twice. */
  readonly #loading = new Set<string>()
  #state: LiveState
  #endings: (() => void)[] = []

  constructor(client: Client) {
    this.#client = client
    this.#state = initialState(Date.now())
  }

  get state(): LiveState {
    return this.#state
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Follows the client's events until `stop`. */
  start(): void {
    const client = this.#client
    const ticker = setInterval(() => this.#update((state) => expireTyping(state, Date.now())), typingTickMs)
    this.#endings = [
      () => clearInterval(ticker),
      client.on('entry', (entry) => this.#update((state) => onEntry(state, entry))),
      client.on('marks', (frame) => this.#update((state) => onMarks(state, frame))),
      client.on('channel', (frame) => this.#update((state) => onChannel(state, frame))),
      client.on('presence', (people) => this.#update((state) => onPresence(state, people))),
      client.on('typing', (frame) => this.#update((state) => onTyping(state, frame, Date.now()))),
      client.on('gap', ({ channel }) => this.#update((state) => dropConversation(state, channel))),
      client.on('branch', () => this.#update(onBranch)),
      client.on('notice', ({ level, code, message }) => {
        if (code === 'quorum') noteReadOnly(level === 'info' ? null : message)
      }),
      client.on('state', ({ state, error }) => {
        const reason =
          error === undefined
            ? null
            : { code: error instanceof HoldfastError ? error.code : '', message: error.message }
        if (state === 'syncing' || state === 'live' || state === 'read-only') {
          const { person, channels } = client
          if (person !== null) this.#update((now) => onChannels(now, person, channels.values()))
        }
        this.#update((now) => onLink(now, { state: linkOf(state), reason, now: Date.now() }))
      }),
    ]
    client.watchPresence(true)
    client.start()
  }

  stop(): void {
    for (const end of this.#endings) end()
    this.#endings = []
    this.#client.close()
  }

  /** Cuts the wait for the next attempt short. */
  retryNow(): void {
    this.#client.start()
  }

  setPresence(state: 'online' | 'away'): void {
    this.#client.setPresence(state)
  }

  /** Loads the newest page of a channel unless it is there. @throws HoldfastError */
  async open(channel: string): Promise<void> {
    this.#opened.delete(channel)
    this.#opened.add(channel)
    for (const oldest of this.#opened) {
      if (this.#opened.size <= conversationsMax) break
      this.#opened.delete(oldest)
      this.#update((state) => dropConversation(state, oldest))
    }
    if (!this.#state.conversations.has(channel)) await this.showNewest(channel)
  }

  async showNewest(channel: string): Promise<void> {
    await this.#load(channel, { limit: pageEntries }, (known, page, me) => showPage(known, page, me))
  }

  /** Goes to the newest page unless the window ends with it already. */
  async showEnd(channel: string): Promise<void> {
    const known = this.#state.conversations.get(channel)
    if (known === undefined || !reachesHead(known)) await this.showNewest(channel)
  }

  async showOlder(channel: string): Promise<void> {
    const known = this.#state.conversations.get(channel)
    const oldest = known?.entries[0]?.seq
    if (known === undefined || oldest === undefined || !hasOlder(known)) return
    await this.#load(channel, { before: oldest, limit: pageEntries }, (now, page, me) =>
      extend(now, page, 'older', me),
    )
  }

  async showNewer(channel: string): Promise<void> {
    const known = this.#state.conversations.get(channel)
    const newest = known?.entries.at(-1)?.seq
    if (known === undefined || newest === undefined || reachesHead(known)) return
    await this.#load(channel, { after: newest, limit: pageEntries }, (now, page, me) =>
      extend(now, page, 'newer', me),
    )
  }

  /** Makes sure that entry `seq` is in the window, with what stands around it. */
  async showAround(channel: string, seq: number): Promise<void> {
    const known = this.#state.conversations.get(channel)
    if (known?.entries.some((entry) => entry.seq === seq)) return
    const before = seq + Math.ceil(pageEntries / 2)
    await this.#load(channel, { before, limit: pageEntries }, (now, page, me) => showPage(now, page, me))
  }

  /** One entry from wherever it is, for a quotation; null when retention has removed it. */
  async entry(channel: string, seq: number): Promise<Entry | null> {
    const page = await this.#client.history(channel, { before: seq + 1, limit: 1 })
    const entry = page.entries[0]
    return entry?.seq === seq ? entry : null
  }

  send(channel: string, { body, priority, reply }: Draft): void {
    const send: PendingSend = { id: this.#nextId(), body, priority, reply, at: Date.now(), failure: null }
    void this.#submit(channel, send)
  }

  /** Sends a failed message again under the same id, so that it can not be stored twice. */
  retry(channel: string, send: PendingSend): void {
    void this.#submit(channel, send)
  }

  discard(channel: string, id: string): void {
    this.#update((state) => withConversation(state, channel, (known) => discard(known, id)))
  }

  async edit(channel: string, seq: number, body: string): Promise<void> {
    await this.#client.edit(channel, seq, body)
  }

  async remove(channel: string, seq: number): Promise<void> {
    await this.#client.delete(channel, seq)
  }

  typing(channel: string): void {
    this.#client.typing(channel)
  }

  markRead(channel: string, seq: number): void {
    const known = this.#state.channels.get(channel)
    if (known === undefined || known.read >= seq) return
    this.#update((state) => onOwnRead(state, channel, seq))
    this.#client.markRead(channel, seq)
  }

  async #submit(channel: string, send: PendingSend): Promise<void> {
    const { id, body, priority, reply } = send
    this.#update((state) => withConversation(state, channel, (known) => begin(known, send)))
    try {
      const { seq } = await this.#client.send(channel, body, {
        id,
        ...(priority === 'normal' ? {} : { priority }),
        ...(reply === null ? {} : { reply }),
      })
      this.markRead(channel, seq)
      // The entry itself may come a moment after the acknowledgement; it takes the place of what is shown as pending.
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.#update((state) => withConversation(state, channel, (known) => fail(known, id, why)))
    }
  }

  async #load(
    channel: string,
    range: { before?: number; after?: number; limit: number },
    change: (known: Conversation, page: Awaited<ReturnType<Client['history']>>, me: string) => Conversation,
  ): Promise<void> {
    const key = `${channel} ${range.before ?? ''} ${range.after ?? ''}`
    if (this.#loading.has(key)) return
    this.#loading.add(key)
    try {
      const page = await this.#client.history(channel, range)
      const newest = page.entries.at(-1)?.seq
      if (newest !== undefined) this.#client.markDelivered(channel, newest)
      this.#update((state) => {
        const me = state.me?.id ?? ''
        return setConversation(
          state,
          channel,
          change(state.conversations.get(channel) ?? emptyConversation, page, me),
        )
      })
    } finally {
      this.#loading.delete(key)
    }
  }

  #update(change: (state: LiveState) => LiveState): void {
    const next = change(this.#state)
    if (next === this.#state) return
    this.#state = next
    for (const listener of this.#listeners) listener()
  }
}

/** The connection's states as the banner tells them apart. */
function linkOf(state: Client['state']): Link['state'] {
  // That nothing can be stored is said on every page; what is here is as live as ever.
  if (state === 'live' || state === 'read-only') return 'live'
  if (state === 'waiting' || state === 'stopped') return state
  return 'connecting'
}
