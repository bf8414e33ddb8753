import type { Logger } from '../platform/logger.ts'
import { Questions } from '../platform/questions.ts'
import { threadUrl } from '../platform/thread-url.ts'
import type { Dirty, ReaderData, ReaderQuestions } from './protocol.ts'

/** How often the index is told of new entries, at most. */
const indexEveryMs = 500
/** Entries in that time above which indexing waits for quieter moments. */
const busyEntries = 1000

/** The main thread's side of the reader thread. */
export class Reader extends Questions<ReaderQuestions> {
  private entries = 0
  private timer: NodeJS.Timeout | null = null

  constructor(data: ReaderData, logger: Logger) {
    super({ url: threadUrl('reader-thread', import.meta.url), name: 'holdfast-reader', data, logger })
  }

  /** Says that entries were stored; the index follows when the node has time. */
  entriesStored(count: number): void {
    this.entries += count
    this.timer ??= setTimeout(() => this.tellIndex(), indexEveryMs)
  }

  /** Leaves the index as it is, once what it is doing is done, until told otherwise. */
  async pauseIndex(paused: boolean): Promise<void> {
    await this.ask('pauseIndex', paused)
  }

  override async stop(): Promise<void> {
    if (this.timer) clearTimeout(this.timer)
    await super.stop()
  }

  private tellIndex(): void {
    const busy = this.entries > busyEntries
    this.entries = 0
    void this.tell({ t: 'dirty', busy } satisfies Dirty)
    // When it was busy the index was put off: it is told again, so that it catches up once the load ends.
    this.timer = busy ? setTimeout(() => this.tellIndex(), indexEveryMs) : null
  }
}
