'use client'
import { Alert, AlertActionLink } from '@patternfly/react-core'
import { useNow } from '../../components/use-now.ts'
import { clockOffsetMs } from '../../lib/clock.ts'
import { errorTitles } from '../../lib/errors.ts'
import { formatDuration } from '../../lib/format.ts'
import { useLive, useMessaging } from './use-messaging.tsx'

/** A connection that comes back within this is not worth a banner. */
const quietMs = 1_500

/** Says when messages do not come live, since when, and what becomes of what is written meanwhile. */
export function ConnectionBanner() {
  const messaging = useMessaging()
  const link = useLive((state) => state.link)
  const now = useNow() - clockOffsetMs()
  if (link.state === 'live') return null
  if (link.state === 'stopped') {
    const code = link.reason?.code ?? ''
    const title = Object.entries(errorTitles).find(([known]) => known === code)?.[1]
    return (
      <Alert variant="danger" isInline title={title ?? 'The connection has ended'}>
        {link.reason?.message}
      </Alert>
    )
  }
  if (now - link.since < quietMs) return null
  if (link.state === 'connecting') return <Alert variant="info" isInline isPlain title="Connecting…" />
  return (
    <Alert
      variant="warning"
      isInline
      title={`Not connected for ${formatDuration(now - link.since)}; trying again`}
      actionLinks={<AlertActionLink onClick={() => messaging.retryNow()}>Try now</AlertActionLink>}
    >
      What you write is kept here and sent when the connection is back. Do not close this page before.
    </Alert>
  )
}
