/** Time as the rest of the node sees it; tests hand in their own. */
export interface Clock {
  /** Wall clock in milliseconds since 1970; it may jump when somebody sets it. */
  now(): number
  /** Milliseconds since some fixed moment; never goes back. For durations and deadlines. */
  monotonic(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}
