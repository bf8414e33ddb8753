'use client'

import { Tooltip } from '@patternfly/react-core'
import { formatAge, formatDateTime } from '../lib/format.ts'
import { useNow } from './use-now.ts'

interface RelativeTimeProps {
  /** Milliseconds since 1970; null when it never happened. */
  at: number | null
  /** What to show for null. */
  never?: string
}

/** An age that keeps counting, with the exact time in its tooltip. */
export function RelativeTime({ at, never = 'never' }: RelativeTimeProps) {
  const now = useNow()
  if (at === null) return <span className="hf-subtle">{never}</span>
  return (
    <Tooltip content={formatDateTime(at)}>
      <time dateTime={new Date(at).toISOString()} className="hf-nowrap">
        {formatAge(at, now)}
      </time>
    </Tooltip>
  )
}
