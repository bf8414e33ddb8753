import type { Clock } from '../platform/clock.ts'

/** A clock that moves only when a test says so; both of its hands move together. */
export class TestClock implements Clock {
  #atMs: number
  constructor(atMs = Date.UTC(2026, 10, 23, 12)) {
    this.#atMs = atMs
  }
  now(): number {
    return this.#atMs
  }
  monotonic(): number {
    return this.#atMs
  }
  advance(ms: number): void {
    this.#atMs += ms
  }
}
