'use client'

import type { CheckpointStatus, CheckpointView } from '@holdfast/api/services'
import {
  Alert,
  Button,
  Card,
  CardBody,
  CardHeader,
  CardTitle,
  Content,
  DescriptionList,
  DescriptionListDescription,
  DescriptionListGroup,
  DescriptionListTerm,
  Flex,
  LabelGroup,
  Skeleton,
} from '@patternfly/react-core'
import { DownloadIcon } from '@patternfly/react-icons/dist/esm/icons/download-icon'
import { useMutation, useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { CopyableText } from '../../components/copyable-text.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { StatusLabel } from '../../components/status-label.tsx'
import { queryClient, trpc } from '../../lib/api.ts'
import { downloadText } from '../../lib/download.ts'
import { count, formatDateTime } from '../../lib/format.ts'
import { useAllowed } from '../session/use-session.ts'

const refreshMs = 30_000
/** Characters of the root that are shown; the whole gets copied. */
const rootShown = 16

/** The newest signed checkpoint: which nodes vouch for it, and which do not. */
export function CheckpointPanel() {
  const may = useAllowed()
  const query = useQuery(trpc.audit.checkpoint.queryOptions({}, { refetchInterval: refreshMs }))
  const take = useMutation(
    trpc.audit.takeCheckpoint.mutationOptions({
      onSuccess: (status) => queryClient.setQueryData(trpc.audit.checkpoint.queryKey({}), status),
    }),
  )
  const { data } = query
  const newest = data?.newest ?? null
  const actions = data && (
    <Flex gap={{ default: 'gapMd' }}>
      {newest !== null && (
        <Button variant="link" isInline icon={<DownloadIcon />} onClick={() => keep(newest)}>
          Keep a copy
        </Button>
      )}
      {may('audit.takeCheckpoint') && (
        <Button
          variant="link"
          isInline
          isLoading={take.isPending}
          isDisabled={take.isPending}
          onClick={() => take.mutate()}
        >
          Sign what is new
        </Button>
      )}
    </Flex>
  )
  return (
    <Card isCompact>
      <CardHeader actions={{ actions, hasNoOffset: true }}>
        <CardTitle component="h2">Newest signed checkpoint</CardTitle>
      </CardHeader>
      <CardBody>
        <FailureAlert error={query.error ?? take.error} onRetry={() => void query.refetch()} />
        {data ? (
          <Status status={data} />
        ) : (
          query.error === null && <Skeleton screenreaderText="Loading the checkpoint" />
        )}
      </CardBody>
    </Card>
  )
}

function keep({ note, size }: CheckpointView): void {
  downloadText(`holdfast-checkpoint-${size}.txt`, note)
}

function Status({ status }: { status: CheckpointStatus }) {
  const { newest, disputes } = status
  const facts = newest === null ? [] : factsOf(newest, status)
  return (
    <>
      {disputes.length > 0 && (
        <Alert variant="danger" isInline title="A node has another audit history">
          {disputes.map((each) => (
            <p key={each.node}>
              {each.name} does not confirm the checkpoint of {count(each.size, 'event')} (
              {formatDateTime(each.at)}). Verify the log on every node, and keep the data folder of the one
              that does not verify.
            </p>
          ))}
        </Alert>
      )}
      {newest === null ? (
        <Content component="p">
          None yet. A checkpoint is signed within ten minutes of the first event.
        </Content>
      ) : (
        <DescriptionList
          isCompact
          aria-label="Newest signed checkpoint"
          columnModifier={{ default: '1Col', md: '2Col', xl: '3Col' }}
        >
          {facts.map(({ term, value }) => (
            <DescriptionListGroup key={term}>
              <DescriptionListTerm>{term}</DescriptionListTerm>
              <DescriptionListDescription>{value}</DescriptionListDescription>
            </DescriptionListGroup>
          ))}
        </DescriptionList>
      )}
    </>
  )
}

function factsOf(newest: CheckpointView, status: CheckpointStatus): { term: string; value: ReactNode }[] {
  return [
    { term: 'Covers', value: `${count(newest.size, 'event')}, ${formatDateTime(newest.at)}` },
    {
      term: 'Root of the tree',
      value: <CopyableText text={newest.root} label="root of the tree" shown={rootShown} />,
    },
    { term: 'Nodes', value: <Signers newest={newest} status={status} /> },
  ]
}

/** Every node of the facility, and whether it vouches for the checkpoint. */
function Signers({ newest, status }: { newest: CheckpointView; status: CheckpointStatus }) {
  const signed = new Map(newest.signatures.map((each) => [each.node, each]))
  const disputed = new Set(status.disputes.map(({ node }) => node))
  return (
    <LabelGroup aria-label="Nodes" numLabels={status.nodes.length}>
      {status.nodes.map(({ id, name }) => {
        const signature = signed.get(id)
        if (disputed.has(id))
          return (
            <StatusLabel key={id} status="alert">
              {`${name} disagrees`}
            </StatusLabel>
          )
        if (signature === undefined)
          return (
            <StatusLabel key={id} status="pending">
              {`${name} has not signed yet`}
            </StatusLabel>
          )
        return (
          <StatusLabel key={id} status="ok">
            {signature.isMaker ? `${name} signed` : `${name} confirmed`}
          </StatusLabel>
        )
      })}
    </LabelGroup>
  )
}
