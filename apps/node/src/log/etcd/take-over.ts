import type { Logger } from '../../platform/logger.ts'
import type { LogPosition } from '../../state/sequencer.ts'
import type { ToWriter } from '../writer-protocol.ts'

/** Between two tries, and between two lines that say so, ms. */
const againMs = 1000
const sayAgainMs = 30_000

/**
 * Brings the state of this node under the log of its cluster, before it serves anybody. A full disk holds that up: it is
 * tried again until there is room, and the log says what the start waits for.
 */
export class TakeOver {
  private readonly post: (message: ToWriter) => void
  private readonly logger: Logger
  private task: Extract<ToWriter, { t: 'adopt' }> | null = null
  private done: (position: LogPosition) => void = () => {}
  private timer: NodeJS.Timeout | undefined
  private saidAt = Number.NEGATIVE_INFINITY

  constructor(post: (message: ToWriter) => void, logger: Logger) {
    this.post = post
    this.logger = logger
  }

  /** Resolves when it is done. */
  run(task: Extract<ToWriter, { t: 'adopt' }>): Promise<LogPosition> {
    const { promise, resolve } = Promise.withResolvers<LogPosition>()
    this.done = resolve
    this.task = task
    this.post(task)
    return promise
  }

  adopted(position: LogPosition): void {
    this.task = null
    this.done(position)
  }

  /** Whether it was this that failed. */
  failed(reason: string): boolean {
    const { task } = this
    if (task === null) return false
    const now = performance.now()
    if (now - this.saidAt >= sayAgainMs) {
      this.saidAt = now
      this.logger.error(
        { reason },
        'this node cannot take part yet: its database cannot be written; free some space on its disk, and it goes on by itself',
      )
    }
    this.timer = setTimeout(() => this.post(task), againMs)
    return true
  }

  stop(): void {
    clearTimeout(this.timer)
  }
}
