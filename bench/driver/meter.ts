import type { LoadResult } from './plan.ts'

/** Counts everything from the first send on; keeps rates and latencies only between start() and stop(). */
export class Meter {
  acknowledgedInTotal = 0
  deliveriesInTotal = 0
  #measuring = false
  #latenciesMs: number[] = []
  #deliveries = 0
  #startedAt = 0
  #elapsedSeconds = 0
  #cpuAtStart = process.cpuUsage()
  #cpuSeconds = 0

  start(): void {
    this.#measuring = true
    this.#startedAt = performance.now()
    this.#cpuAtStart = process.cpuUsage()
  }

  stop(): void {
    this.#measuring = false
    this.#elapsedSeconds = (performance.now() - this.#startedAt) / 1_000
    const cpu = process.cpuUsage(this.#cpuAtStart)
    this.#cpuSeconds = (cpu.user + cpu.system) / 1_000_000
  }

  acknowledged(latencyMs: number): void {
    this.acknowledgedInTotal++
    if (this.#measuring) this.#latenciesMs.push(latencyMs)
  }

  delivered(count: number): void {
    this.deliveriesInTotal += count
    if (this.#measuring) this.#deliveries += count
  }

  result(): Omit<LoadResult, 'rooms'> {
    const sorted = Float64Array.from(this.#latenciesMs).sort()
    return {
      acknowledgedPerSecond: sorted.length / this.#elapsedSeconds,
      deliveriesPerSecond: this.#deliveries / this.#elapsedSeconds,
      p50Ms: percentile(sorted, 50),
      p99Ms: percentile(sorted, 99),
      slowestMs: percentile(sorted, 100),
      driverCpuShare: this.#cpuSeconds / this.#elapsedSeconds,
      acknowledgedInTotal: this.acknowledgedInTotal,
      deliveriesInTotal: this.deliveriesInTotal,
    }
  }
}

/** The nearest-rank percentile of ascending values; NaN when there are none. */
export function percentile(sorted: Float64Array, percent: number): number {
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN
}
