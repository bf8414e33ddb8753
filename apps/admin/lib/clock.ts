/**
 * The node's clock as seen from here. Without internet a laptop's clock may be far off, and an age computed against
 * it would be wrong; ages are therefore told against the node's clock, learnt from the Date header of its answers.
 */
let offsetMs = 0

/** A Date header has whole seconds: differences below this are not noise worth following. */
const resolutionMs = 2000

/** Takes the time of an answer that just arrived. `dateHeader` as in RFC 9110, section 6.6.1. */
export function learnNodeTime(dateHeader: string | null): void {
  if (dateHeader === null) return
  const nodeMs = Date.parse(dateHeader)
  if (Number.isNaN(nodeMs)) return
  const measuredMs = nodeMs - Date.now()
  if (Math.abs(measuredMs - offsetMs) > resolutionMs)
    offsetMs = Math.abs(measuredMs) > resolutionMs ? measuredMs : 0
}

/** Milliseconds since 1970 by the node's clock. */
export const nodeNow = () => Date.now() + offsetMs

/** How far this computer's clock is behind (positive) or ahead (negative) of the node's, in milliseconds. */
export const clockOffsetMs = () => offsetMs
