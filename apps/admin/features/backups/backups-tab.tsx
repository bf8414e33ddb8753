'use client'

import { Alert, Card, CardBody, CardTitle, Skeleton, Stack, StackItem } from '@patternfly/react-core'
import { useQuery } from '@tanstack/react-query'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { trpc } from '../../lib/api.ts'
import { useAllowed } from '../session/use-session.ts'
import { BackupFiles } from './backup-files.tsx'
import { RecoveryKeyCard } from './recovery-key-card.tsx'
import { ScheduleForm } from './schedule-form.tsx'

const refreshMs = 5_000
const workingMs = 500

/** The recovery key, the schedule, and the backups of the node that serves this page. */
export function BackupsTab() {
  const may = useAllowed()
  const status = useQuery(
    trpc.backups.status.queryOptions(undefined, {
      refetchInterval: ({ state }) => (state.data?.running == null ? refreshMs : workingMs),
    }),
  )
  const view = status.data
  if (view === undefined)
    return status.error ? (
      <FailureAlert error={status.error} onRetry={() => void status.refetch()} />
    ) : (
      <Skeleton height="20rem" screenreaderText="Loading what is known of backups" />
    )
  const hasKey = view.settings.recipient !== null
  return (
    <Stack hasGutter>
      {!hasKey && (
        <StackItem>
          <Alert variant="warning" isInline title="No backup can be made yet">
            Backups are encrypted for a recovery key, and the facility has none.
          </Alert>
        </StackItem>
      )}
      <StackItem>
        <Card className="hf-form-card">
          <CardTitle component="h2">Recovery key</CardTitle>
          <CardBody>
            <RecoveryKeyCard settings={view.settings} mayChange={may('backups.setKey')} />
          </CardBody>
        </Card>
      </StackItem>
      {hasKey && (
        <StackItem>
          <Card className="hf-form-card">
            <CardTitle component="h2">Schedule</CardTitle>
            <CardBody>
              <ScheduleForm
                settings={view.settings}
                nextAt={view.nextAt}
                isReadOnly={!may('backups.configure')}
              />
            </CardBody>
          </Card>
        </StackItem>
      )}
      <StackItem>
        <Card>
          <CardTitle component="h2">
            Backups of this node
            <p className="hf-subtle hf-lead">In {view.folder}. Copy them to another machine.</p>
          </CardTitle>
          <CardBody>
            <BackupFiles status={view} mayCreate={hasKey && may('backups.create')} />
          </CardBody>
        </Card>
      </StackItem>
    </Stack>
  )
}
