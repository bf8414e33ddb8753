'use client'

import { Button, Content, List, ListItem, Skeleton } from '@patternfly/react-core'
import { useQuery } from '@tanstack/react-query'
import Link from 'next/link'
import { useState } from 'react'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { trpc } from '../../lib/api.ts'
import { paths } from '../../lib/paths.ts'
import { actionText } from './action-text.ts'

const shownAtFirst = 10
const shownMax = 100

/** What the audit log says about one person, device, group or channel, newest first. */
export function TargetHistory({ target }: { target: string }) {
  const [limit, setLimit] = useState(shownAtFirst)
  const query = useQuery(trpc.audit.search.queryOptions({ target, limit }))
  if (query.error !== null) return <FailureAlert error={query.error} onRetry={() => void query.refetch()} />
  if (query.data === undefined) return <Skeleton screenreaderText="Loading the history" />
  const { rows, total } = query.data
  if (rows.length === 0) return <Content component="p">The audit log has nothing about it yet.</Content>
  return (
    <>
      <List isPlain isBordered>
        {rows.map((event) => (
          <ListItem key={event.seq}>
            <Link href={paths.audit(event.seq)}>{actionText(event.action)}</Link>
            {event.outcome === 'refused' && ' (refused)'}
            <div className="hf-subtle">
              <RelativeTime at={event.at} /> · <span dir="auto">{event.actorName || event.actor}</span>
            </div>
          </ListItem>
        ))}
      </List>
      {total > rows.length && limit < shownMax && (
        <Button variant="link" isInline onClick={() => setLimit(shownMax)}>
          Show more of {total}
        </Button>
      )}
    </>
  )
}
