'use client'

import { useEffect, useState } from 'react'

/** Nobody touched this page for so long: its person is shown as away. */
const idleMs = 5 * 60_000
const activity = ['pointerdown', 'keydown', 'wheel'] as const

/** Whether the person has turned away from this page. */
export function useIsAway(): boolean {
  const [isAway, setIsAway] = useState(false)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const touch = () => {
      clearTimeout(timer)
      timer = setTimeout(() => setIsAway(true), idleMs)
      setIsAway(false)
    }
    touch()
    for (const event of activity) window.addEventListener(event, touch, { passive: true })
    return () => {
      clearTimeout(timer)
      for (const event of activity) window.removeEventListener(event, touch)
    }
  }, [])
  return isAway
}
