'use client'

import { useEffect, useState } from 'react'

/** Seconds left of a wait that began when `waitMs` was given anew (`key` changes); 0 when there is none. */
export function useCountdown(waitMs: number | null, key: unknown): number {
  const [endsAt, setEndsAt] = useState(0)
  const [now, setNow] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new refusal starts the wait anew, even an equally long one
  useEffect(() => {
    if (waitMs === null) {
      setEndsAt(0)
      return
    }
    const start = Date.now()
    setNow(start)
    setEndsAt(start + waitMs)
    const timer = setInterval(() => setNow(Date.now()), 250)
    const stop = setTimeout(() => {
      clearInterval(timer)
      setEndsAt(0)
    }, waitMs)
    return () => {
      clearInterval(timer)
      clearTimeout(stop)
    }
  }, [waitMs, key])
  return Math.max(0, Math.ceil((endsAt - now) / 1000))
}
