'use client'
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef } from 'react'

/** This close to the end counts as being there. */
const endPx = 48
/** This close to either end, the next page is fetched. */
const fetchPx = 600

interface AnchoredScrollOptions {
  /** Changes with every change of what is drawn. */
  content: unknown
  /** Whether the last thing drawn is the newest there is. */
  isAtHead: boolean
  /** Selector of the element to begin at; the end when there is none. */
  beginAt: string
  onNearTop: () => void
  onNearEnd: () => void
  /** Whether the person has the newest entry in view. */
  onAtEnd: (isAtEnd: boolean) => void
}

interface AnchoredScroll {
  scroller: RefObject<HTMLDivElement | null>
  onScroll: () => void
  /** Goes to the end and stays there while more arrives. */
  toEnd: () => void
  /** Brings an element to the middle and stops following the end. */
  toElement: (element: Element) => void
}

/**
 * A list that follows its end while the person is there, and otherwise keeps what he reads in its place, whatever is
 * added above or below.
 */
export function useAnchoredScroll(options: AnchoredScrollOptions): AnchoredScroll {
  const scroller = useRef<HTMLDivElement>(null)
  const follows = useRef(true)
  const hasBegun = useRef(false)
  const anchor = useRef<{ seq: string; top: number } | null>(null)
  const latest = useRef(options)
  latest.current = options

  const look = useCallback(() => {
    const box = scroller.current
    if (box === null) return
    const below = box.scrollHeight - box.scrollTop - box.clientHeight
    follows.current = latest.current.isAtHead && below < endPx
    latest.current.onAtEnd(follows.current)
    const top = box.getBoundingClientRect().top
    anchor.current = null
    for (const element of box.querySelectorAll<HTMLElement>('[data-seq]')) {
      const { top: elementTop, bottom } = element.getBoundingClientRect()
      if (bottom > top) {
        anchor.current = { seq: element.dataset.seq ?? '', top: elementTop - top }
        break
      }
    }
    if (box.scrollTop < fetchPx) latest.current.onNearTop()
    if (below < fetchPx && !latest.current.isAtHead) latest.current.onNearEnd()
  }, [])

  const settle = useCallback(() => {
    const box = scroller.current
    if (box === null) return
    if (!hasBegun.current && box.querySelector('[data-seq]') !== null) {
      hasBegun.current = true
      const begin = box.querySelector(latest.current.beginAt)
      follows.current = begin === null
      begin?.scrollIntoView({ block: 'center' })
      if (begin !== null) anchor.current = null
    }
    if (follows.current && latest.current.isAtHead) {
      box.scrollTop = box.scrollHeight
    } else if (anchor.current !== null) {
      const element = box.querySelector(`[data-seq="${anchor.current.seq}"]`)
      if (element !== null) {
        const shown = element.getBoundingClientRect().top - box.getBoundingClientRect().top
        box.scrollTop += shown - anchor.current.top
      }
    }
    look()
  }, [look])

  // biome-ignore lint/correctness/useExhaustiveDependencies: what is drawn is what this has to follow
  useLayoutEffect(settle, [options.content, settle])

  // The box itself changes its height when the composer grows or the window is resized.
  useEffect(() => {
    const box = scroller.current
    if (box === null) return
    const observer = new ResizeObserver(settle)
    observer.observe(box)
    return () => observer.disconnect()
  }, [settle])

  return {
    scroller,
    onScroll: look,
    toEnd: useCallback(() => {
      follows.current = true
      settle()
    }, [settle]),
    toElement: useCallback(
      (element: Element) => {
        follows.current = false
        element.scrollIntoView({ block: 'center' })
        look()
      },
      [look],
    ),
  }
}
