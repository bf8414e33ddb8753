import type { PhaseReport } from './load-record.ts'

/** Counts acknowledgements and the gaps between them while the writers send. */
export class Meter {
  readonly #lastByWriter: number[]
  readonly #now: () => number
  #last = 0
  #running = false
  #acknowledged = 0
  #refusals = 0
  #gapMs = 0
  #writerGapMs = 0
  #tookMs: number[] = []
  #since: number

  constructor(writers: number, now: () => number = () => performance.now()) {
    this.#now = now
    this.#since = now()
    this.#lastByWriter = Array.from({ length: writers }, () => this.#since)
  }

  /** The writers begin to send: time before it is no gap. */
  start(): void {
    this.#last = this.#now()
    this.#lastByWriter.fill(this.#last)
    this.#running = true
  }

  stop(): void {
    this.#look()
    this.#running = false
  }

  acknowledged(writer: number, tookMs: number): void {
    const now = this.#now()
    if (this.#running) {
      this.#gapMs = Math.max(this.#gapMs, now - this.#last)
      this.#writerGapMs = Math.max(this.#writerGapMs, now - (this.#lastByWriter[writer] ?? now))
    }
    this.#last = now
    this.#lastByWriter[writer] = now
    this.#acknowledged += 1
    this.#tookMs.push(tookMs)
  }

  refused(): void {
    this.#refusals += 1
  }

  /** What happened since the last call; a gap that is still open is counted so far, and goes on. */
  phase(): PhaseReport {
    this.#look()
    const sorted = this.#tookMs.toSorted((a, b) => a - b)
    const quantile = (share: number) => Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 10) / 10
    const report: PhaseReport = {
      acknowledged: this.#acknowledged,
      longestGapMs: Math.round(this.#gapMs),
      longestWriterGapMs: Math.round(this.#writerGapMs),
      refusals: this.#refusals,
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
      tookMs: Math.round(this.#now() - this.#since),
    }
    this.#acknowledged = 0
    this.#refusals = 0
    this.#gapMs = 0
    this.#writerGapMs = 0
    this.#tookMs = []
    this.#since = this.#now()
    return report
  }

  #look(): void {
    if (!this.#running) return
    const now = this.#now()
    this.#gapMs = Math.max(this.#gapMs, now - this.#last)
    for (const last of this.#lastByWriter) this.#writerGapMs = Math.max(this.#writerGapMs, now - last)
  }
}
