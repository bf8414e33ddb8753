'use client'

import type { AuditView } from '@holdfast/api/services'
import { Button, CodeBlock, CodeBlockCode, Content } from '@patternfly/react-core'
import { DownloadIcon } from '@patternfly/react-icons/dist/esm/icons/download-icon'
import { useMutation } from '@tanstack/react-query'
import Link from 'next/link'
import { CopyableText } from '../../components/copyable-text.tsx'
import { Facts } from '../../components/facts.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { api } from '../../lib/api.ts'
import { downloadText } from '../../lib/download.ts'
import { formatDateTime, formatNumber } from '../../lib/format.ts'
import { paths } from '../../lib/paths.ts'
import { useAllowed } from '../session/use-session.ts'
import { actionMeaning } from './action-text.ts'

/** The page that shows a target, told by the kind of its id. */
function TargetLink({ target }: { target: string }) {
  const kind = target.split('_', 1)[0]
  if (kind === 'p') return <Link href={paths.people(target)}>{target}</Link>
  if (kind === 'd') return <Link href={paths.devices(target)}>{target}</Link>
  if (kind === 'c') return <Link href={paths.channels(target)}>{target}</Link>
  return target
}

/** Saves a proof that the event is in the log, which can be checked without a node. */
function ProofButton({ seq }: { seq: number }) {
  const prove = useMutation({
    mutationFn: () => api.audit.prove.query({ seq }),
    onSuccess: (proof) =>
      downloadText(`holdfast-proof-${seq}.json`, `${JSON.stringify(proof, null, 2)}\n`, 'application/json'),
  })
  return (
    <Content component="p">
      <FailureAlert error={prove.error} onRetry={() => prove.mutate()} />
      <Button
        variant="link"
        isInline
        icon={<DownloadIcon />}
        isLoading={prove.isPending}
        isDisabled={prove.isPending}
        onClick={() => prove.mutate()}
      >
        Save a proof of this event
      </Button>
    </Content>
  )
}

/** Everything that one event holds, and what it means. */
export function AuditDetail({ event }: { event: AuditView }) {
  const meaning = actionMeaning(event.action)
  const may = useAllowed()
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
      {may('audit.prove') && <ProofButton seq={event.seq} />}
      {hasDetail && (
        <CodeBlock>
          <CodeBlockCode>{JSON.stringify(event.detail, null, 2)}</CodeBlockCode>
        </CodeBlock>
      )}
    </>
  )
}
