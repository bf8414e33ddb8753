import type { Priority } from '@holdfast/api/contract/names'
import { priorities } from '@holdfast/api/contract/names'
import type { Core } from '../core.ts'
import type { Clock } from '../platform/clock.ts'
import type { Stored } from '../services/messaging/commands.ts'
import { type Actor, type Command, commandTypes } from '../state/commands.ts'
import type { ChannelRecord, PersonRecord } from '../state/directory.ts'
import type { MarkRow } from '../state/effects.ts'
import type { ControlName, ControlPayload } from '../state/handlers.ts'

/** A clock that stands where it is put: the log takes the times of its batches from it. */
export class HistoryClock implements Clock {
  at: number

  constructor(at: number) {
    this.at = at
  }

  now(): number {
    return this.at
  }

  monotonic(): number {
    return performance.now()
  }
}

/** Something that happened in the facility; steps are applied in the order of their times. */
export interface Step {
  /** Milliseconds since 1970. */
  at: number
  apply(history: History): Promise<unknown>
}

/** Writes the past: every step is a command in the log, applied by the state machine like any other. */
export class History {
  readonly core: Core
  readonly clock: HistoryClock
  private readonly remotes = new Map<string, string>()
  private readonly lastOwn = new Map<string, number>()
  private sent = 0

  constructor(core: Core, clock: HistoryClock) {
    this.core = core
    this.clock = clock
  }

  async apply(steps: readonly Step[]): Promise<void> {
    for (const step of [...steps].sort((a, b) => a.at - b.at)) {
      if (!Number.isSafeInteger(step.at)) throw new Error(`A step of the demo is at ${step.at}, no whole ms.`)
      this.clock.at = step.at
      await step.apply(this)
    }
  }

  /** @throws Error when the demo's own data names somebody who is not there */
  person(name: string): PersonRecord {
    const person = this.core.directory.peopleByName.get(name)
    if (person === undefined) throw new Error(`The demo knows no person ${name}.`)
    return person
  }

  channel(name: string): ChannelRecord {
    for (const channel of this.core.directory.channels.values()) if (channel.name === name) return channel
    throw new Error(`The demo knows no channel ${name}.`)
  }

  groupId(name: string): string {
    for (const group of this.core.directory.groups.values()) if (group.name === name) return group.id
    throw new Error(`The demo knows no group ${name}.`)
  }

  /** Who acts, from an address of the harbour's network that stays the same for each person. */
  actor(name: string): Actor {
    const remote = this.remotes.get(name) ?? `10.40.${1 + (this.remotes.size % 6)}.${20 + this.remotes.size}`
    this.remotes.set(name, remote)
    return { id: this.person(name).id, name, remote }
  }

  control<N extends ControlName>(name: N, by: string, payload: ControlPayload<N>): Promise<unknown> {
    return this.core.proposer.propose(name, this.actor(by), payload)
  }

  /** Resolves with the sequence. */
  async send(
    channelId: string,
    from: string,
    text: string,
    { priority = 'normal', reply = null }: { priority?: Priority; reply?: number | null } = {},
  ): Promise<number> {
    const level = priorities.indexOf(priority)
    const { no } = this.channelById(channelId)
    const id = this.nextId()
    const value = await this.propose([commandTypes.message, no, this.person(from).no, id, text, level, reply])
    const seq = typeof value === 'number' ? value : (value as Stored).seq
    this.lastOwn.set(`${channelId} ${from}`, seq)
    return seq
  }

  /** Sequence of the person's newest message in the channel; 0 without one. */
  lastOwnSeq(channelId: string, from: string): number {
    return this.lastOwn.get(`${channelId} ${from}`) ?? 0
  }

  edit(channelId: string, from: string, seq: number, text: string): Promise<unknown> {
    const { no } = this.channelById(channelId)
    return this.propose([commandTypes.edit, no, this.person(from).no, this.nextId(), seq, text])
  }

  delete(channelId: string, from: string, seq: number): Promise<unknown> {
    const { no } = this.channelById(channelId)
    return this.propose([commandTypes.delete, no, this.person(from).no, this.nextId(), seq])
  }

  marks(rows: MarkRow[]): Promise<unknown> {
    return this.propose([commandTypes.marks, rows])
  }

  seen(people: [string, number][], devices: [string, number][]): Promise<unknown> {
    return this.propose([commandTypes.seen, people, devices])
  }

  private channelById(id: string): ChannelRecord {
    const channel = this.core.directory.channels.get(id)
    if (channel === undefined) throw new Error(`The demo has no channel ${id}.`)
    return channel
  }

  private propose(command: Command): Promise<unknown> {
    return this.core.proposer.proposeEncoded(JSON.stringify(command))
  }

  private nextId(): string {
    this.sent += 1
    return `history-${String(this.sent).padStart(6, '0')}`
  }
}
