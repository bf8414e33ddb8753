import type { Alert } from '@holdfast/api/services'
import type { Clock } from '../../platform/clock.ts'

/** What is wrong now. An alert stands until whoever raised it clears it. */
export class Alerts {
  private readonly clock: Clock
  private readonly standing = new Map<string, Alert>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** @param code names the condition; raising it again changes its text and keeps its time */
  raise(level: Alert['level'], code: string, message: string): void {
    this.standing.set(code, {
      level,
      code,
      message,
      since: this.standing.get(code)?.since ?? this.clock.now(),
    })
  }

  clear(code: string): void {
    this.standing.delete(code)
  }

  /** The gravest first. */
  list(): Alert[] {
    const rank = { alert: 0, warning: 1, info: 2 }
    return [...this.standing.values()].sort((a, b) => rank[a.level] - rank[b.level] || a.since - b.since)
  }
}
