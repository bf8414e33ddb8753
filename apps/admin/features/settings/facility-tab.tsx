'use client'

import { Alert, Card, CardBody, Skeleton } from '@patternfly/react-core'
import { useQuery } from '@tanstack/react-query'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { trpc } from '../../lib/api.ts'
import { useAllowed } from '../session/use-session.ts'
import { FacilityForm } from './facility-form.tsx'

/** The rules that hold on every node of the facility. */
export function FacilityTab() {
  const may = useAllowed()
  const settings = useQuery(trpc.settings.get.queryOptions())
  if (settings.data === undefined)
    return settings.error ? (
      <FailureAlert error={settings.error} onRetry={() => void settings.refetch()} />
    ) : (
      <Skeleton height="20rem" screenreaderText="Loading the facility’s rules" />
    )
  const mayChange = may('settings.update')
  return (
    <Card className="hf-form-card">
      <CardBody>
        {!mayChange && (
          <Alert
            variant="info"
            isInline
            className="hf-gap-below"
            title="You can see these rules; an owner or a security officer changes them."
          />
        )}
        <FacilityForm settings={settings.data} isReadOnly={!mayChange} />
      </CardBody>
    </Card>
  )
}
