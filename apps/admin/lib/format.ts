/** Numbers, sizes, ages and dates as people read them. Times are milliseconds since 1970. */

const integer = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const decimal = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })
const dateAndTime = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })
const dateOnly = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' })
const timeOnly = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' })
const timeWithSeconds = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })

const secondMs = 1000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

export const formatNumber = (value: number) => integer.format(value)

/** One decimal below ten, none above: 0.4, 7.2, 1,240. */
export const formatRate = (value: number) => (value < 10 ? decimal.format(value) : integer.format(value))

export const formatPercent = (value: number) =>
  `${value < 10 ? decimal.format(value) : integer.format(value)} %`

const byteUnits = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** Powers of 1024 (IEC 80000-13). */
export function formatBytes(bytes: number): string {
  let unit = 0
  let value = bytes
  while (value >= 1024 && unit < byteUnits.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${value < 10 && unit > 0 ? decimal.format(value) : integer.format(value)} ${byteUnits[unit]}`
}

/** Milliseconds with a unit: 0.8 ms, 42 ms, 1.2 s. */
export function formatMs(ms: number): string {
  if (ms >= secondMs) return `${decimal.format(ms / secondMs)} s`
  return `${ms < 10 ? decimal.format(ms) : integer.format(ms)} ms`
}

/** A span of time in its two largest units: 4 s, 12 min, 3 h 5 min, 9 d 2 h. */
export function formatDuration(ms: number): string {
  const span = Math.max(0, ms)
  if (span < minuteMs) return `${Math.floor(span / secondMs)} s`
  if (span < hourMs) return `${Math.floor(span / minuteMs)} min`
  if (span < dayMs) {
    const minutes = Math.floor((span % hourMs) / minuteMs)
    return `${Math.floor(span / hourMs)} h${minutes > 0 ? ` ${minutes} min` : ''}`
  }
  const hours = Math.floor((span % dayMs) / hourMs)
  return `${Math.floor(span / dayMs)} d${hours > 0 ? ` ${hours} h` : ''}`
}

/** `at` as seen from `now`: just now, 4 min ago, in 3 d. */
export function formatAge(at: number, now: number): string {
  const distance = now - at
  if (distance < -5 * secondMs) return `in ${formatDuration(-distance)}`
  return distance < 5 * secondMs ? 'just now' : `${formatDuration(distance)} ago`
}

export const formatDateTime = (at: number) => dateAndTime.format(at)
export const formatDate = (at: number) => dateOnly.format(at)
export const formatTime = (at: number) => timeOnly.format(at)
export const formatTimeWithSeconds = (at: number) => timeWithSeconds.format(at)

/** A hash or fingerprint cut to its beginning, for places where the whole does not fit. */
export const shortHash = (hash: string, characters = 12) =>
  hash.length > characters ? `${hash.slice(0, characters)}…` : hash

/** One thing or many: count(1, 'device'), count(4, 'person', 'people'). */
export const count = (value: number, one: string, many = `${one}s`) =>
  `${formatNumber(value)} ${value === 1 ? one : many}`
