/** Upper bounds of the latency buckets in ms; about a fifth apart, so that a percentile is right within that. */
const bucketBounds = Array.from({ length: 64 }, (_, i) => 0.1 * 1.2 ** i)

/** Counts of one node since its start, and the acknowledgement times since the last sample. */
export class Metrics {
  messages = 0
  commands = 0
  deliveries = 0
  failedBatches = 0
  private readonly buckets = new Uint32Array(bucketBounds.length + 1)
  private samples = 0

  /** @param ms time from the send frame to its acknowledgement */
  messageStored(ms: number): void {
    this.messages += 1
    this.samples += 1
    let i = ms <= 0.1 ? 0 : Math.ceil(Math.log(ms / 0.1) / Math.log(1.2))
    if (i > bucketBounds.length) i = bucketBounds.length
    this.buckets[i] = (this.buckets[i] ?? 0) + 1
  }

  /** Percentiles of the acknowledgement times since the last call; null without any. */
  takeLatencies(): { p50: number | null; p99: number | null } {
    const result = { p50: this.percentile(0.5), p99: this.percentile(0.99) }
    this.buckets.fill(0)
    this.samples = 0
    return result
  }

  private percentile(share: number): number | null {
    if (this.samples === 0) return null
    let left = this.samples * share
    for (let i = 0; i < this.buckets.length; i++) {
      left -= this.buckets[i] ?? 0
      if (left <= 0) return bucketBounds[Math.min(i, bucketBounds.length - 1)] ?? null
    }
    return bucketBounds.at(-1) ?? null
  }
}
