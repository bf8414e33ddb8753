/** Time ranges of the audit search. Milliseconds since 1970. */
export const ranges = ['any', 'hour', 'day', 'week', 'month', 'custom'] as const
export type RangeName = (typeof ranges)[number]

export const rangeWords: Record<RangeName, string> = {
  any: 'Any time',
  hour: 'Last hour',
  day: 'Last 24 hours',
  week: 'Last 7 days',
  month: 'Last 30 days',
  custom: 'From – to',
}

const hourMs = 3600_000
const spansMs: Partial<Record<RangeName, number>> = {
  hour: hourMs,
  day: 24 * hourMs,
  week: 7 * 24 * hourMs,
  month: 30 * 24 * hourMs,
}

/** A range as chosen; `from` and `to` are values of datetime-local inputs, in the reader's own zone. */
export interface ChosenRange {
  name: RangeName
  from: string
  to: string
}

export const anyTime: ChosenRange = { name: 'any', from: '', to: '' }

const parse = (text: string) => {
  const at = new Date(text).getTime()
  return Number.isNaN(at) ? undefined : at
}

/** What the search takes. Presets move with `now`, which should stand still for a minute so that pages fit together. */
export function rangeBounds(range: ChosenRange, now: number): { from?: number; to?: number } {
  const spanMs = spansMs[range.name]
  if (spanMs !== undefined) return { from: now - spanMs }
  if (range.name !== 'custom') return {}
  const from = parse(range.from)
  const to = parse(range.to)
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
}

/** Whether a chosen range can not match anything. */
export function isBackwards(range: ChosenRange): boolean {
  const { from, to } = rangeBounds(range, 0)
  return range.name === 'custom' && from !== undefined && to !== undefined && from > to
}
