/** Times as the talk shows them, in the reader's own zone. */
import { formatDateTime, formatTime } from '../../lib/format.ts'
import { dayKey } from './timeline.ts'

const date = new Intl.DateTimeFormat('en-GB', {
  weekday: 'long',
  day: 'numeric',
  month: 'long',
  year: 'numeric',
})

export const clockTime = formatTime
export const fullTime = formatDateTime

export function dayTitle(at: number, now: number): string {
  if (dayKey(at) === dayKey(now)) return 'Today'
  const yesterday = new Date(now)
  yesterday.setDate(yesterday.getDate() - 1)
  return dayKey(at) === dayKey(yesterday.getTime()) ? 'Yesterday' : date.format(at)
}
