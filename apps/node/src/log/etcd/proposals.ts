import type { HoldfastError } from '@holdfast/api/contract/errors'
import { limits } from '@holdfast/api/contract/limits'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import { encodeBatch } from '../../state/commands.ts'
import type { Outcome } from '../../state/machine.ts'
import { heldBatches } from '../../state/sequencer.ts'
import type { Settle } from '../log.ts'
import { busy, settleOne, shuttingDown, type Waiting } from '../settle.ts'
import { encodeEntry } from './batch-codec.ts'
import { EtcdError } from './errors.ts'
import type { EtcdClient } from './etcd-client.ts'

export const proposalBounds = {
  /** Batches that are being written at once. */
  writes: 4,
  /**
   * Batches being written beyond which only a full one goes. A write costs three etcds and three nodes about as much
   * whatever it holds, so what comes meanwhile gathers.
   */
  partialWrites: 1,
  /** Characters of commands in one batch; etcd keeps thousands of entries in memory. */
  batchCharacters: 100_000,
  /** A write that is not answered by then is made again, with the same number. */
  writeMs: 2000,
  /** Pause before it is made again. */
  againMs: 50,
  /** The same while etcd has no room or too much to do. */
  overloadedMs: 500,
} as const

interface Flight {
  no: number
  /** As it stands in etcd. */
  value: Buffer
  waiting: Waiting[]
  startedAt: number
  /** Times it was written; only what comes of the newest counts. */
  tries: number
  /** Applied here: nothing is left to do. */
  settled: boolean
  /** Its place among the writes at once is free again. */
  released: boolean
}

/**
 * This node's commands on their way into the log. A batch is written until it is seen applied, always under its one
 * number; that it was written means nothing yet, only what comes back from the log is acknowledged.
 */
export class Proposals {
  private readonly nodeId: string
  private readonly client: EtcdClient
  private readonly now: () => number
  private readonly clock: Clock
  private readonly logger: Logger
  private queue: Waiting[] = []
  private taken = 0
  /** Characters of the commands that wait. */
  private characters = 0
  private readonly flights = new Map<number, Flight>()
  private writes = 0
  private numbers = 0
  private epochValue: number | null = null
  private scheduled = false
  private stopped = false
  private lastProblem: string | null = null
  private readonly commitTimes: number[] = []

  constructor(options: {
    nodeId: string
    client: EtcdClient
    /** Time that batches carry. */
    now: () => number
    clock: Clock
    logger: Logger
  }) {
    this.nodeId = options.nodeId
    this.client = options.client
    this.now = options.now
    this.clock = options.clock
    this.logger = options.logger
  }

  get epoch(): number | null {
    return this.epochValue
  }

  /** How long the oldest batch has been on its way, ms. */
  get oldestMs(): number {
    for (const flight of this.flights.values()) return this.clock.monotonic() - flight.startedAt
    return 0
  }

  /** What the newest refused write was refused for; null since one was taken. */
  get problem(): string | null {
    return this.lastProblem
  }

  /** Median time of the newest batches from being written to being applied here, ms; null: none yet. */
  get commitMs(): number | null {
    const times = this.commitTimes.toSorted((a, b) => a - b)
    return times[Math.floor(times.length / 2)] ?? null
  }

  /** From now on batches are numbered from 1 in this epoch, and written. */
  begin(epoch: number): void {
    this.epochValue = epoch
    this.schedule()
  }

  /** @throws HoldfastError `busy`, `shutting-down` */
  add(command: string, settle: Settle): void {
    if (this.stopped) throw shuttingDown()
    if (this.queue.length - this.taken >= limits.logQueue) throw busy()
    this.queue.push({ command, settle })
    this.characters += command.length
    this.schedule()
  }

  /** A batch of this node was applied. */
  applied(no: number, outcomes: readonly (number | Outcome)[], at: number): void {
    const flight = this.flights.get(no)
    if (flight === undefined) return
    flight.settled = true
    this.flights.delete(no)
    this.release(flight)
    this.commitTimes.push(this.clock.monotonic() - flight.startedAt)
    if (this.commitTimes.length > keptTimes) this.commitTimes.shift()
    for (const [i, { settle }] of flight.waiting.entries()) settleOne(settle, outcomes[i], at)
  }

  get idle(): boolean {
    return this.flights.size === 0 && this.queue.length === this.taken
  }

  /** Refuses what waits for the first epoch. */
  refuseUnwritten(error: HoldfastError): void {
    if (this.epochValue !== null) return
    const left = this.queue.slice(this.taken)
    this.queue = []
    this.taken = 0
    this.characters = 0
    for (const { settle } of left) settle(error, null, 0)
  }

  /** Refuses what is still waiting; what was written may yet be applied, and its sender asks again with the same id. */
  stop(): void {
    this.stopped = true
    const left = [...[...this.flights.values()].flatMap((f) => f.waiting), ...this.queue.slice(this.taken)]
    for (const flight of this.flights.values()) flight.settled = true
    this.flights.clear()
    this.queue = []
    this.taken = 0
    this.characters = 0
    for (const { settle } of left) settle(shuttingDown(), null, 0)
  }

  private schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    // After the sockets that are readable now, so that what they bring is one batch.
    setImmediate(() => {
      this.scheduled = false
      while (this.cut());
    })
  }

  /** Writes the next batch if there is one and it may go. */
  private cut(): boolean {
    const { epochValue: epoch, queue } = this
    if (epoch === null || this.stopped || this.taken === queue.length) return false
    // A batch that never comes back holds up those after it, which every node can keep only so many of.
    if (this.writes >= proposalBounds.writes || this.flights.size >= heldBatches) return false
    if (this.writes >= proposalBounds.partialWrites && !this.fillsBatch) return false
    const waiting: Waiting[] = []
    let characters = 0
    while (this.taken < queue.length && waiting.length < limits.batchCommands) {
      const next = queue[this.taken] as Waiting
      if (waiting.length > 0 && characters + next.command.length > proposalBounds.batchCharacters) break
      characters += next.command.length
      waiting.push(next)
      this.taken += 1
    }
    this.characters -= characters
    this.shrink()
    this.numbers += 1
    const no = this.numbers
    const text = encodeBatch(
      this.nodeId,
      no,
      this.now(),
      waiting.map((w) => w.command),
      epoch,
    )
    const startedAt = this.clock.monotonic()
    const value = encodeEntry(text)
    const flight: Flight = { no, value, waiting, startedAt, tries: 0, settled: false, released: false }
    this.flights.set(no, flight)
    this.writes += 1
    this.write(flight)
    return true
  }

  /** Whether what waits is a full batch at least. */
  private get fillsBatch(): boolean {
    return (
      this.characters >= proposalBounds.batchCharacters ||
      this.queue.length - this.taken >= limits.batchCommands
    )
  }

  /** What a leader that is gone was handed is lost, and nobody says so before the time is over: it is written anew. */
  leaderChanged(): void {
    for (const flight of this.flights.values()) if (!flight.released) this.write(flight)
  }

  private write(flight: Flight): void {
    flight.tries += 1
    const { tries } = flight
    this.client.put(`${logPrefix}${this.nodeId}`, flight.value, proposalBounds.writeMs).then(
      () => {
        this.lastProblem = null
        this.release(flight)
      },
      (error: unknown) => {
        if (flight.settled || flight.tries !== tries) return
        const code = error instanceof EtcdError ? error.code : null
        this.lastProblem = error instanceof Error ? error.message : String(error)
        this.logger.debug({ err: error, batch: flight.no }, 'a batch was not written; it is written again')
        const pause = code === overloaded ? proposalBounds.overloadedMs : proposalBounds.againMs
        setTimeout(() => {
          if (!flight.settled && flight.tries === tries) this.write(flight)
        }, pause)
      },
    )
  }

  private release(flight: Flight): void {
    if (flight.released) return
    flight.released = true
    this.writes -= 1
    this.schedule()
  }

  private shrink(): void {
    if (this.taken < 4096 && this.taken < this.queue.length) return
    this.queue = this.queue.slice(this.taken)
    this.taken = 0
  }
}

export const logPrefix = '/log/'
/** gRPC RESOURCE_EXHAUSTED: the database is full, or too many requests wait. */
const overloaded = 8
const keptTimes = 32
