'use client'

import type { AuditView } from '@holdfast/api/services'
import { CodeBlock, CodeBlockCode, Content } from '@patternfly/react-core'
import Link from 'next/link'
import { CopyableText } from '../../components/copyable-text.tsx'
import { Facts } from '../../components/facts.tsx'
import { formatDateTime, formatNumber } from '../../lib/format.ts'
import { paths } from '../../lib/paths.ts'
import { actionMeaning } from './action-text.ts'

/** The page that shows a target, told by the kind of its id. */
function TargetLink({ target }: { target: string }) {
  const kind = target.split('_', 1)[0]
  if (kind === 'p') return <Link href={paths.people(target)}>{target}</Link>
  if (kind === 'd') return <Link href={paths.devices(target)}>{target}</Link>
  if (kind === 'c') return <Link href={paths.channels(target)}>{target}</Link>
  return target
}

/** Everything that one event holds, and what it means. */
export function AuditDetail({ event }: { event: AuditView }) {
  const meaning = actionMeaning(event.action)
  const hasDetail = Object.keys(event.detail).length > 0
  return (
    <>
      {meaning !== null && <Content component="p">{meaning}</Content>}
      <Facts
        label={`Event ${event.seq}`}
        facts={[
          { term: 'Number', value: formatNumber(event.seq) },
          { term: 'Time', value: formatDateTime(event.at) },
          { term: 'Action', value: <span className="hf-code">{event.action}</span> },
          { term: 'Who', value: `${event.actorName} (${event.actor})` },
          { term: 'From', value: event.remote },
          { term: 'Target', value: event.target !== '' && <TargetLink target={event.target} /> },
          { term: 'Hash in the chain', value: <CopyableText text={event.hash} label="hash" isWrapped /> },
        ]}
      />
      {hasDetail && (
        <CodeBlock>
          <CodeBlockCode>{JSON.stringify(event.detail, null, 2)}</CodeBlockCode>
        </CodeBlock>
      )}
    </>
  )
}
