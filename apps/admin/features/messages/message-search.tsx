'use client'
import type { SearchHit } from '@holdfast/api/services'
import { Button, Content, Spinner } from '@patternfly/react-core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { trpc } from '../../lib/api.ts'
import { count, formatDateTime } from '../../lib/format.ts'
import list from './message-search.module.css'
import css from './messages.module.css'
import { snippetParts } from './text-parts.ts'

const pageHits = 20
const hitsMax = 100

function Snippet({ text }: { text: string }) {
  return (
    <p dir="auto">
      {snippetParts(text).map((part, index) =>
        // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text have no identity but their place
        part.kind === 'hit' ? <mark key={index}>{part.text}</mark> : part.text,
      )}
    </p>
  )
}

interface MessageSearchProps {
  text: string
  onOpen: (channel: string, seq: number) => void
}

/** Messages of all the person's channels that contain the words, with the words marked. */
export function MessageSearch({ text, onOpen }: MessageSearchProps) {
  const [limit, setLimit] = useState(pageHits)
  const query = useQuery(
    trpc.messages.search.queryOptions({ text, limit }, { placeholderData: keepPreviousData }),
  )
  if (query.error !== null) return <FailureAlert error={query.error} onRetry={() => void query.refetch()} />
  return (
    <section aria-label="Messages found" aria-busy={query.isFetching}>
      <h2 className={css.channelsTitle}>
        Messages {query.isFetching && <Spinner size="sm" aria-label="Searching" />}
      </h2>
      {query.data?.hits.length === 0 && (
        <Content component="small" className={css.nothing}>
          No message contains “{text}”.
        </Content>
      )}
      <ul className={list.hits}>
        {query.data?.hits.map((hit: SearchHit) => (
          <li key={`${hit.channel} ${hit.seq}`}>
            <button type="button" className={list.hit} onClick={() => onOpen(hit.channel, hit.seq)}>
              <span className={css.subtle}>
                <span dir="auto">{hit.fromName}</span> in <span dir="auto">{hit.channelTitle}</span>
              </span>
              <Snippet text={hit.snippet} />
              <span className={css.subtle}>{formatDateTime(hit.at)}</span>
            </button>
          </li>
        ))}
      </ul>
      {query.data?.more === true && limit < hitsMax && (
        <Button variant="link" onClick={() => setLimit((now) => Math.min(hitsMax, now + pageHits))}>
          Show more
        </Button>
      )}
      {(query.data?.lag ?? 0) > 0 && (
        <Content component="small" className={css.nothing}>
          {count(query.data?.lag ?? 0, 'newer message')} not searchable yet.
        </Content>
      )}
    </section>
  )
}
