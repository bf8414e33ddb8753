import type Database from 'better-sqlite3'
import type { Proposer } from '../../log/proposer.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import { systemActor } from '../../state/commands.ts'
import type { ChannelRecord, Directory } from '../../state/directory.ts'
import { messageKey } from '../../state/keys.ts'
import { retentionRows } from '../channels/commands.ts'

const sweepEveryMs = 60_000
const dayMs = 86_400_000

/** Lets each channel forget what is older than its policy says, a bounded number of entries at a time. */
export class Retention {
  private readonly directory: Directory
  private readonly proposer: Proposer
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly timeAt: Database.Statement
  private readonly leads: () => boolean
  private timer: NodeJS.Timeout | null = null
  private sweeping = false

  constructor(options: {
    directory: Directory
    proposer: Proposer
    db: Database.Database
    clock: Clock
    logger: Logger
    /** Whether this node does what one node does for all. */
    leads?: () => boolean
  }) {
    this.leads = options.leads ?? (() => true)
    this.directory = options.directory
    this.proposer = options.proposer
    this.clock = options.clock
    this.logger = options.logger
    this.timeAt = options.db.prepare('SELECT at FROM message WHERE key = ?').pluck()
  }

  start(): void {
    this.timer = setInterval(() => void this.sweep(), sweepEveryMs)
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer)
  }

  /** Expires what is due in every channel; one sweep at a time. */
  async sweep(): Promise<void> {
    if (this.sweeping || !this.leads()) return
    this.sweeping = true
    try {
      for (const { id } of [...this.directory.channels.values()]) await this.expire(id)
      await this.sweepSessions()
    } catch (error) {
      this.logger.warn({ err: error }, 'retention stopped early and goes on at the next sweep')
    } finally {
      this.sweeping = false
    }
  }

  private async expire(id: string): Promise<void> {
    for (;;) {
      const channel = this.directory.channels.get(id)
      if (!channel?.retentionDays) return
      const floor = this.floorAt(channel, this.clock.now() - channel.retentionDays * dayMs)
      if (floor <= channel.floor) return
      await this.proposer.propose('channel.expire', systemActor, { id, floor })
      if (floor - channel.floor <= retentionRows) return
    }
  }

  /** First sequence not older than the time; entries' times never go back, so halving finds it. */
  private floorAt(channel: ChannelRecord, time: number): number {
    let low = channel.floor
    let high = channel.head + 1
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const at = this.timeAt.get(messageKey(channel.no, middle)) as number | undefined
      if (at === undefined || at < time) low = middle + 1
      else high = middle
    }
    return low
  }

  private async sweepSessions(): Promise<void> {
    const now = this.clock.now()
    const ids = [...this.directory.sessions.values()]
      .filter((session) => session.expiresAt <= now)
      .map((session) => session.id)
    if (ids.length > 0)
      await this.proposer.propose('session.sweep', systemActor, { ids: ids.slice(0, retentionRows) })
  }
}
