import type { Clock } from '../platform/clock.ts'
import { peerBounds } from './bounds.ts'

/** Beyond what the round trips explain, so much of a difference is a clock that was set, and older readings are void. */
const setClockMs = 50

interface Reading {
  rttMs: number
  /** The other's wall clock minus this node's monotonic one. */
  offset: number
}

/**
 * How far another node's wall clock is from this one's, by the middle of a ping's round trip (RFC 5905, section 8). The
 * reading with the shortest round trip is believed; this node's own clock may be set meanwhile.
 */
export class ClockSkew {
  readonly #clock: Clock
  #readings: Reading[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Takes one ping. `sentAt`, `heardAt`: this node's monotonic clock; `received`, `sent`: the other's wall clock.
   * @returns round trip in ms, without the time the other one held the ping
   */
  add(ping: { sentAt: number; heardAt: number; received: number; sent: number }): number {
    const { sentAt, heardAt, received, sent } = ping
    const held = Math.max(0, sent - received)
    const rttMs = Math.max(0, heardAt - sentAt - held)
    const reading = { rttMs, offset: (received + sent) / 2 - (sentAt + heardAt) / 2 }
    const best = this.#best()
    const wasSet =
      best !== null && Math.abs(reading.offset - best.offset) > (rttMs + best.rttMs) / 2 + setClockMs
    this.#readings = wasSet ? [reading] : [...this.#readings, reading].slice(-peerBounds.clockSamples)
    return rttMs
  }

  /** The other's wall clock minus this node's, ms; null before the first ping. */
  get skewMs(): number | null {
    const best = this.#best()
    return best && Math.round(best.offset + this.#clock.monotonic() - this.#clock.now())
  }

  #best(): Reading | null {
    return this.#readings.reduce<Reading | null>(
      (best, reading) => (best === null || reading.rttMs < best.rttMs ? reading : best),
      null,
    )
  }
}
