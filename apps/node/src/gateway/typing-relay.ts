import type { ServerFrame } from '@holdfast/api/contract/frames'
import * as z from 'zod'
import type { Clock } from '../platform/clock.ts'
import type { PresencePeers } from '../services/presence/presence-peers.ts'
import type { Directory } from '../state/directory.ts'
import type { FanOut } from './fan-out.ts'

const typingKind = 'typing'
/** One person's typing in one channel is told to the other nodes at most so often. */
const everyMs = 1000
/** People who type at once, of whom that is remembered. */
const maxRemembered = 10_000

const typingSchema = z.object({ channel: z.string().max(64), person: z.string().max(64) })

/** Carries `typing` frames to subscribers on other nodes. Nobody waits for them, and a lost one is no loss. */
export class TypingRelay {
  private readonly options: {
    peers: Pick<PresencePeers, 'send' | 'on'>
    directory: Directory
    fanOut: FanOut
    clock: Clock
  }
  private readonly toldAt = new Map<string, number>()

  constructor(options: TypingRelay['options']) {
    this.options = options
    options.peers.on(typingKind, (payload) => this.heard(payload))
  }

  /** Somebody who is connected here types. */
  tell(channelId: string, personId: string): void {
    const key = `${channelId} ${personId}`
    const now = this.options.clock.monotonic()
    if (now - (this.toldAt.get(key) ?? Number.NEGATIVE_INFINITY) < everyMs) return
    if (this.toldAt.size >= maxRemembered) this.toldAt.clear()
    this.toldAt.set(key, now)
    this.options.peers.send(typingKind, { channel: channelId, person: personId })
  }

  private heard(payload: unknown): void {
    const { directory, fanOut } = this.options
    const told = typingSchema.safeParse(payload).data
    const channel = told && directory.channels.get(told.channel)
    const person = told && directory.people.get(told.person)
    // This node may be behind, or ahead: membership is judged by what it knows.
    if (!channel || !person || !channel.members.has(person.no)) return
    const frame: ServerFrame = { t: 'typing', channel: channel.id, person: person.id }
    fanOut.toChannel(channel.no, JSON.stringify(frame))
  }
}
