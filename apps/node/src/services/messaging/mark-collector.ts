import type { Log } from '../../log/log.ts'
import { commandTypes, type MarksCommand } from '../../state/commands.ts'
import type { MarkRow } from '../../state/effects.ts'

/** Marks gather for so long before they become one command. */
const collectMs = 200
/** Marks in one command. */
const maxMarks = 500

/** Delivered and read marks are high-water marks, so only the highest of a moment is worth a command. */
export class MarkCollector {
  private readonly log: Log
  private readonly marks = new Map<string, MarkRow>()
  private timer: NodeJS.Timeout | null = null

  constructor(log: Log) {
    this.log = log
  }

  mark(channelNo: number, personNo: number, delivered: number, read: number): void {
    const key = `${channelNo}:${personNo}`
    const held = this.marks.get(key)
    this.marks.set(key, [
      channelNo,
      personNo,
      Math.max(delivered, held?.[2] ?? 0),
      Math.max(read, held?.[3] ?? 0),
    ])
    this.timer ??= setTimeout(() => this.flush(), collectMs)
  }

  flush(): void {
    if (this.timer) clearTimeout(this.timer)
    this.timer = null
    const all = [...this.marks.values()]
    this.marks.clear()
    for (let i = 0; i < all.length; i += maxMarks) {
      const command: MarksCommand = [commandTypes.marks, all.slice(i, i + maxMarks)]
      try {
        // A mark that is lost comes again with the next message, so its settle needs no answer.
        this.log.propose(JSON.stringify(command), () => {})
      } catch {
        return
      }
    }
  }
}
