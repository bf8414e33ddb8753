'use client'

import type { UpdateEventView, UpdateStatusView } from '@holdfast/api/update-services'
import { Alert, Card, CardBody, CardTitle, Skeleton, Stack, StackItem } from '@patternfly/react-core'
import { useQuery } from '@tanstack/react-query'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { trpc } from '../../lib/api.ts'
import { useAllowed } from '../session/use-session.ts'
import { UpdateInstaller } from './update-installer.tsx'
import { UpdateRollout } from './update-rollout.tsx'

const refreshMs = 5_000

const outcomes: Record<UpdateEventView['phase'], string> = {
  installed: 'Installed',
  trial: 'On trial',
  confirmed: 'Confirmed',
  'rolled-back': 'Taken back',
  refused: 'Refused',
  failed: 'Failed',
}

const columns: Column<UpdateEventView>[] = [
  { key: 'at', title: 'When', cell: (row) => <RelativeTime at={row.at} />, sort: (row) => row.at },
  { key: 'phase', title: 'What', cell: (row) => outcomes[row.phase], sort: (row) => row.phase },
  { key: 'from', title: 'From', cell: (row) => row.from },
  { key: 'to', title: 'To', cell: (row) => row.to },
  { key: 'by', title: 'By', cell: (row) => row.by, modifier: 'breakWord' },
  { key: 'reason', title: 'Why', cell: (row) => row.reason ?? '', modifier: 'breakWord', width: 35 },
]

const noBundles = {
  title: 'This installation takes no bundles.',
  body: 'How each kind is updated: docs/operating/update.md.',
}
/** Who updates what cannot install bundles by itself. */
const byOthers: Record<UpdateStatusView['kind'], { title: string; body: string }> = {
  appliance: noBundles,
  package: noBundles,
  container: {
    title: 'A container cannot replace itself.',
    body: 'Whoever runs it starts the new image, on Kubernetes by the new chart: docs/operating/update.md, “In containers”.',
  },
  program: {
    title: 'This node runs from a checkout.',
    body: 'Stop it, check out the new version, build and start that: docs/operating/install-checkout.md, “Updating”.',
  },
}

/** Which version runs, what updates came to, and installing the next one. */
export function UpdatesTab() {
  const may = useAllowed()
  const status = useQuery(trpc.updates.status.queryOptions(undefined, { refetchInterval: refreshMs }))
  if (status.data === undefined)
    return status.error ? (
      <FailureAlert error={status.error} onRetry={() => void status.refetch()} />
    ) : (
      <Skeleton height="20rem" screenreaderText="Loading what is installed" />
    )
  const { version, kind, slot, canInstall, requested, nodes, rollout, history } = status.data
  const isUnderWay = rollout?.state === 'running' || rollout?.state === 'stopping'
  return (
    <Stack hasGutter>
      <StackItem>
        <Card className="hf-form-card">
          <CardTitle component="h2">
            Holdfast {version}
            {slot && <p className="hf-subtle hf-lead">Slot {slot} of this machine.</p>}
          </CardTitle>
          <CardBody>
            {isUnderWay ? (
              <UpdateRollout rollout={rollout} mayStop={may('updates.stopRollout')} />
            ) : !canInstall ? (
              <Alert variant="info" isInline title={byOthers[kind].title}>
                {byOthers[kind].body}
              </Alert>
            ) : may('updates.install') ? (
              <UpdateInstaller isRequested={requested} nodes={nodes} />
            ) : (
              <Alert variant="info" isInline title="An owner, operator or installer installs updates." />
            )}
          </CardBody>
        </Card>
      </StackItem>
      {rollout !== null && !isUnderWay && (
        <StackItem>
          <Card className="hf-form-card">
            <CardTitle component="h2">The last update of the cluster</CardTitle>
            <CardBody>
              <UpdateRollout rollout={rollout} mayStop={false} />
            </CardBody>
          </Card>
        </StackItem>
      )}
      <StackItem>
        <Card>
          <CardTitle component="h2">What updates of this machine came to</CardTitle>
          <CardBody>
            <DataTable
              label="Updates"
              columns={columns}
              rows={history}
              rowKey={(row) => String(row.at)}
              empty={{
                title: 'No update yet',
                body: 'What is installed on this machine will be listed here.',
              }}
            />
          </CardBody>
        </Card>
      </StackItem>
    </Stack>
  )
}
