'use client'

import { useEffect, useState } from 'react'

/** Long enough to type on, short enough to feel immediate. */
const settleMs = 250

/** `value` once it has stopped changing; for searches while somebody types. */
export function useSettled<Value>(value: Value, delayMs = settleMs): Value {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), delayMs)
    return () => clearTimeout(timer)
  }, [value, delayMs])
  return settled
}
